//! The fields of a payload, as they are on the wire.

use std::borrow::Cow;

use serde::Deserialize;

use super::Timestamp;
use super::connection::Connection;
use super::lenient::{count, cow, object};
use super::migrated_from::MigratedFrom;

/// The fields of both families, because the event's name is one of them and decides the family.
///
/// This is the only list that is read. A payload type is made of it in its own file, which does not
/// compile without all its fields. A field of the connection belongs to [`Connection`] alone.
#[derive(Default, Deserialize)]
pub(super) struct Wire<'a> {
    #[serde(borrow, default, deserialize_with = "cow")]
    pub(super) event_id: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "cow")]
    pub(super) event_type: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "cow")]
    pub(super) unified_api: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "cow")]
    pub(super) service_id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "cow")]
    pub(super) consumer_id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "cow")]
    pub(super) entity_id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "cow")]
    pub(super) entity_type: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "cow")]
    pub(super) entity_url: Cow<'a, str>,
    #[serde(default, deserialize_with = "object::<Connection, _, _>")]
    pub(super) entity: Box<Connection>,
    #[serde(default, deserialize_with = "count")]
    pub(super) execution_attempt: Option<u32>,
    #[serde(default)]
    pub(super) occurred_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) migrated_from: Option<MigratedFrom>,
}

impl Wire<'_> {
    /// The fields that only the events of Vault have.
    pub(super) const OF_CONNECTIONS: &'static [&'static str] = &["entity", "migrated_from"];

    /// The fields that only the events of other APIs have.
    #[cfg(feature = "testing")]
    pub(super) const OF_RESOURCES: &'static [&'static str] = &["unified_api", "consumer_id", "entity_url"];
}
