//! The reason of a failed call.

use std::fmt;

use ::redis::RedisError;

use crate::store::StoreError;

/// The reason of a failed call.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Redis(RedisError),
    /// The server cannot be used. The text tells what to change.
    Refused(String),
}

impl Fault {
    /// Tells if the server has no memory for a write.
    pub(super) fn is_full(&self) -> bool {
        self.code() == Some("OOM")
    }

    /// Tells if the user may not do what the store does.
    pub(super) fn is_forbidden(&self) -> bool {
        // Redis 7.0 has no code for a command in a script.
        self.code() == Some("NOPERM") || self.to_string().contains("user executing the script")
    }

    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Redis(error) => error.code(),
            Self::Refused(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(error) => error.fmt(f),
            Self::Refused(reason) => reason.fmt(f),
        }
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Redis(error) => Self::new(error),
            Fault::Refused(reason) => Self::new(reason),
        }
    }
}
