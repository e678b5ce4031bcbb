//! The payload of Vault's events.

use serde::{Deserialize, Deserializer, Serialize};

use super::fields::Wire;
use super::lenient::is_empty;
use super::migrated_from::{MigratedFrom, in_either};
use super::raw::EventText;
use super::{Connection, Raw, Timestamp};
use crate::event::EventType;

/// The payload of every `vault.connection.*` event: the event and its connection.
///
/// A text that Apideck left out is empty. For a unit test, make one from [`Default`] and set its
/// fields, or deserialise it from JSON. With the feature `testing` there is also `example()`.
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
    ///
    /// Apideck documents it here (changelog 10.31.0) and in the entity (OpenAPI description
    /// 10.34.0). It is read from either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrated_from: Option<MigratedFrom>,
    #[serde(skip)]
    pub(crate) raw: EventText,
}

impl ConnectionEvent {
    /// Returns the verified text from which the event was read. It holds fields that this release
    /// does not know.
    pub fn raw(&self) -> &Raw {
        &self.raw.0
    }
}

impl<'de> Deserialize<'de> for ConnectionEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer).map(|wire| {
            let event_type = EventType::from(&*wire.event_type);
            Self::of(wire, event_type, Raw::default())
        })
    }
}

impl ConnectionEvent {
    /// Makes the event of the fields that were read. `event_type` is the name among them.
    pub(super) fn of(wire: Wire<'_>, event_type: EventType, raw: Raw) -> Self {
        Self {
            event_id: wire.event_id.into_owned(),
            event_type,
            service_id: wire.service_id.into_owned(),
            entity_id: wire.entity_id.into_owned(),
            entity_type: wire.entity_type.into_owned(),
            execution_attempt: wire.execution_attempt,
            occurred_at: wire.occurred_at,
            migrated_from: in_either(wire.migrated_from, &wire.entity.migrated_from),
            entity: *wire.entity,
            raw: EventText(raw),
        }
    }
}
