//! The fields of a payload, as they are on the wire.

use super::Timestamp;
use super::connection::Connection;
use super::lenient::{count, object, text};
use super::migrated_from::MigratedFrom;
use crate::event::EventType;
use serde::Deserialize;

/// The fields of both families: the family is only known once they are read.
#[derive(Default, Deserialize)]
pub(super) struct Wire {
    #[serde(default, deserialize_with = "text")]
    pub(super) event_id: String,
    pub(super) event_type: EventType,
    #[serde(default, deserialize_with = "text")]
    pub(super) unified_api: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) service_id: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) consumer_id: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) entity_id: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) entity_type: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) entity_url: String,
    #[serde(default, deserialize_with = "object")]
    pub(super) entity: Connection,
    #[serde(default, deserialize_with = "count")]
    pub(super) execution_attempt: Option<u32>,
    #[serde(default)]
    pub(super) occurred_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) migrated_from: Option<MigratedFrom>,
}
