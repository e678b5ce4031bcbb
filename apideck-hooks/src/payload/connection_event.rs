//! The payload of Vault's events.

use super::fields::Wire;
use super::lenient::is_empty;
use super::migrated_from::MigratedFrom;
use super::{Connection, Raw, Timestamp};
use crate::event::EventType;
use serde::{Deserialize, Deserializer, Serialize};

/// The payload of every `vault.connection.*` event: the connection, and what happened to it.
///
/// Texts are empty when Apideck left them out. Make one for a unit test from [`Default`] and set what matters, or
/// read it from JSON.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ConnectionEvent {
    /// Unique reference to this event.
    #[serde(skip_serializing_if = "is_empty")]
    pub event_id: String,
    /// What happened.
    pub event_type: EventType,
    /// Who sends it: `apideck-vault`. The connector is `entity.service_id`.
    #[serde(skip_serializing_if = "is_empty")]
    pub service_id: String,
    /// Id of the connection.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_id: String,
    /// `Connection`.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_type: String,
    /// The connection.
    pub entity: Connection,
    /// Apideck's count of delivery attempts, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_attempt: Option<u32>,
    /// When it happened. A retry can come hours later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// On `vault.connection.migrated`: the connector that the connection moved away from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrated_from: Option<MigratedFrom>,
    #[serde(skip)]
    pub(crate) raw: Raw,
}

impl ConnectionEvent {
    /// The verified text that the event was read from, for fields that this release does not know.
    pub fn raw(&self) -> &Raw {
        &self.raw
    }
}

impl<'de> Deserialize<'de> for ConnectionEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer).map(Self::from)
    }
}

impl From<Wire> for ConnectionEvent {
    fn from(wire: Wire) -> Self {
        ConnectionEvent {
            event_id: wire.event_id,
            event_type: wire.event_type,
            service_id: wire.service_id,
            entity_id: wire.entity_id,
            entity_type: wire.entity_type,
            entity: wire.entity,
            execution_attempt: wire.execution_attempt,
            occurred_at: wire.occurred_at,
            migrated_from: wire.migrated_from,
            raw: Raw::default(),
        }
    }
}
