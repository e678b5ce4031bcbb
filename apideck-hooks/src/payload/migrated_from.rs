//! The connector from which a connection was migrated.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::json::exact_value;

/// The connector from which a connection was migrated.
///
/// Apideck's documents show a string and an object (changelog 10.31.0, OpenAPI description
/// 10.34.0). Both are accepted.
#[derive(Clone, PartialEq, Serialize)]
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

impl<'de> Deserialize<'de> for MigratedFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        exact_value(deserializer).map(|value| match value {
            Value::String(id) => Self::ServiceId(id),
            other => Self::Other(other),
        })
    }
}

/// Returns the connector of a payload or of its entity. The one that has a `service_id` is taken,
/// and the payload's if both have one or neither has.
pub(super) fn in_either(
    payload: Option<MigratedFrom>,
    entity: &Option<MigratedFrom>,
) -> Option<MigratedFrom> {
    match entity {
        None => payload,
        Some(_)
            if payload
                .as_ref()
                .is_some_and(|payload| payload.service_id().is_some()) =>
        {
            payload
        }
        Some(entity) if payload.is_none() || entity.service_id().is_some() => Some(entity.clone()),
        Some(_) => payload,
    }
}

/// Prints the `service_id` only, because an object may be a whole connection with credentials.
impl fmt::Debug for MigratedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MigratedFrom").field(&self.service_id()).finish()
    }
}
