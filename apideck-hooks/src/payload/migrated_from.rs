//! The connector from which a connection was migrated.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The connector from which a connection was migrated.
///
/// Apideck's documents show a string and an object (changelog 10.31.0, OpenAPI description
/// 10.34.0). Both are accepted.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum MigratedFrom {
    /// The connector's `service_id`.
    ServiceId(String),
    /// Any other JSON, unchanged.
    Other(Value),
}

impl MigratedFrom {
    /// Returns the connector's `service_id`, from either form. `None` if there is none.
    pub fn service_id(&self) -> Option<&str> {
        match self {
            Self::ServiceId(id) => Some(id),
            Self::Other(value) => value.get("service_id")?.as_str(),
        }
    }
}

/// Prints the `service_id` only, because an object may be a whole connection with credentials.
impl fmt::Debug for MigratedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MigratedFrom").field(&self.service_id()).finish()
    }
}
