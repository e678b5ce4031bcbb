//! The payload of Vault's events.

use serde::{Deserialize, Deserializer, Serialize};

use super::fields::Wire;
use super::lenient::is_empty;
use super::migrated_from::MigratedFrom;
use super::{Connection, Raw, Timestamp};
use crate::event::EventType;

/// The payload of every `vault.connection.*` event: the event and its connection.
///
/// A text that Apideck left out is empty. For a unit test, make one from [`Default`] and set its
/// fields, or deserialise it from JSON.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ConnectionEvent {
    /// Id of the event.
    #[serde(skip_serializing_if = "is_empty")]
    pub event_id: String,
    /// Type of the event.
    pub event_type: EventType,
    /// Sender of the event: `apideck-vault` in Apideck's examples. The connector is
    /// `entity.service_id`.
    #[serde(skip_serializing_if = "is_empty")]
    pub service_id: String,
    /// Id of the connection.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_id: String,
    /// Kind of the entity: `Connection`.
    #[serde(skip_serializing_if = "is_empty")]
    pub entity_type: String,
    /// The connection.
    pub entity: Connection,
    /// Apideck's count of delivery attempts, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_attempt: Option<u32>,
    /// Time at which the event happened. A retry can come hours later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Connector from which the connection was moved. Only `vault.connection.migrated` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrated_from: Option<MigratedFrom>,
    #[serde(skip)]
    pub(crate) raw: Raw,
}

impl ConnectionEvent {
    /// Returns the verified text from which the event was read. It holds fields that this release
    /// does not know.
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
        Self {
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
