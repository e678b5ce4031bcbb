//! The origin of a migrated connection.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Where a connection was migrated from: Apideck documents the source connector's `service_id` as text in one place
/// and an object in another.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum MigratedFrom {
    /// The source connector's `service_id`.
    ServiceId(String),
    /// Anything else, as it came.
    Other(Value),
}

impl MigratedFrom {
    /// The source connector's `service_id`, from either form.
    pub fn service_id(&self) -> Option<&str> {
        match self {
            MigratedFrom::ServiceId(id) => Some(id),
            MigratedFrom::Other(value) => value.get("service_id")?.as_str(),
        }
    }
}

/// An object may be a whole connection, credentials and all: of it only the `service_id` is printed.
impl fmt::Debug for MigratedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MigratedFrom").field(&self.service_id()).finish()
    }
}
