//! The reason of a failed call.

use std::fmt;

use ::redis::RedisError;

use crate::store::StoreError;

/// The reason of a failed call.
#[derive(Clone, Debug)]
pub(super) enum CallFault {
    Redis(RedisError),
    /// The server cannot be used. The text tells what to change.
    Refused(String),
}

impl CallFault {
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

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(error) => error.fmt(f),
            Self::Refused(reason) => reason.fmt(f),
        }
    }
}

impl From<RedisError> for CallFault {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<CallFault> for StoreError {
    fn from(fault: CallFault) -> Self {
        match fault {
            CallFault::Redis(error) => Self::new(error),
            CallFault::Refused(reason) => Self::new(reason),
        }
    }
}
