//! The payload of events of all APIs except Vault.

use serde::{Deserialize, Deserializer, Serialize};

use super::fields::Wire;
use super::lenient::is_empty;
use super::raw::EventText;
use super::{Raw, Timestamp};
use crate::event::EventType;

/// The payload of events of all APIs except Vault: a reference to an entity.
///
/// Fetch the entity from [`entity_url`](ResourceEvent::entity_url) with the unified API. A text
/// that Apideck left out is empty. Apideck documents the body of only some of these events (OpenAPI
/// description 10.34.0).
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ResourceEvent {
    /// Id of the event.
    #[serde(skip_serializing_if = "is_empty")]
    pub event_id: String,
    /// Type of the event.
    pub event_type: EventType,
    /// The unified API, such as `crm`.
    #[serde(skip_serializing_if = "is_empty")]
    pub unified_api: String,
    /// Id of the connector, such as `salesforce`. Some APIs do not send it.
    #[serde(skip_serializing_if = "is_empty")]
    pub service_id: String,
    /// Id of the consumer: your customer.
    #[serde(skip_serializing_if = "is_empty")]
    pub consumer_id: String,
    /// Id of the entity.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_id: String,
    /// Kind of the entity, such as `Contact`.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_type: String,
    /// URL of the entity.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_url: String,
    /// Time at which the event happened. A retry can come hours later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Apideck's count of delivery attempts, from 1. Apideck does not always send it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_attempt: Option<u32>,
    #[serde(skip)]
    pub(crate) raw: EventText,
}

impl ResourceEvent {
    /// Returns the verified text from which the event was read. It holds fields that this release
    /// does not know.
    pub fn raw(&self) -> &Raw {
        &self.raw.0
    }
}

impl<'de> Deserialize<'de> for ResourceEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer).map(|wire| {
            let event_type = EventType::from(&*wire.event_type);
            Self::of(wire, event_type, Raw::default())
        })
    }
}

impl ResourceEvent {
    /// Makes the event of the fields that were read. `event_type` is the name among them.
    pub(super) fn of(wire: Wire<'_>, event_type: EventType, raw: Raw) -> Self {
        Self {
            event_id: wire.event_id.into_owned(),
            event_type,
            unified_api: wire.unified_api.into_owned(),
            service_id: wire.service_id.into_owned(),
            consumer_id: wire.consumer_id.into_owned(),
            entity_id: wire.entity_id.into_owned(),
            entity_type: wire.entity_type.into_owned(),
            entity_url: wire.entity_url.into_owned(),
            occurred_at: wire.occurred_at,
            execution_attempt: wire.execution_attempt,
            raw: EventText(raw),
        }
    }
}
