//! The payload of all events but Vault's.

use super::fields::Wire;
use super::lenient::is_empty;
use super::{Raw, Timestamp};
use crate::event::EventType;
use serde::{Deserialize, Deserializer, Serialize};

/// The payload of the events of all APIs but Vault: a reference to the entity, which is fetched from
/// [`entity_url`](ResourceEvent::entity_url) with the unified API.
///
/// Texts are empty when Apideck left them out; only some of the events have a documented body.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ResourceEvent {
    /// Unique reference to this event.
    #[serde(skip_serializing_if = "is_empty")]
    pub event_id: String,
    /// What happened.
    pub event_type: EventType,
    /// The API, such as `crm`.
    #[serde(skip_serializing_if = "is_empty")]
    pub unified_api: String,
    /// The connector, such as `salesforce`. Absent for some APIs.
    #[serde(skip_serializing_if = "is_empty")]
    pub service_id: String,
    /// Your customer.
    #[serde(skip_serializing_if = "is_empty")]
    pub consumer_id: String,
    /// Id of the entity.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_id: String,
    /// Kind of the entity, such as `Contact`.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_type: String,
    /// Where to fetch the entity.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_url: String,
    /// When it happened. A retry can come hours later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Apideck's count of delivery attempts, from 1. Not always sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_attempt: Option<u32>,
    #[serde(skip)]
    pub(crate) raw: Raw,
}

impl ResourceEvent {
    /// The verified text that the event was read from, for fields that this release does not know.
    pub fn raw(&self) -> &Raw {
        &self.raw
    }
}

impl<'de> Deserialize<'de> for ResourceEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer).map(Self::from)
    }
}

impl From<Wire> for ResourceEvent {
    fn from(wire: Wire) -> Self {
        ResourceEvent {
            event_id: wire.event_id,
            event_type: wire.event_type,
            unified_api: wire.unified_api,
            service_id: wire.service_id,
            consumer_id: wire.consumer_id,
            entity_id: wire.entity_id,
            entity_type: wire.entity_type,
            entity_url: wire.entity_url,
            occurred_at: wire.occurred_at,
            execution_attempt: wire.execution_attempt,
            raw: Raw::default(),
        }
    }
}
