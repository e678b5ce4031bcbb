//! The reasons for which a receiver cannot be built.

use std::fmt;

/// Why a receiver could not be built.
#[derive(Debug)]
pub struct BuildError(pub(super) BuildErrorKind);

#[derive(Debug)]
pub(super) enum BuildErrorKind {
    NoSecret,
    Secret(String),
    Limit(&'static str),
    Transaction {
        handler: &'static str,
        wanted: &'static str,
        given: Option<&'static str>,
        store: &'static str,
    },
}

impl BuildError {
    /// Whether the secret is missing or cannot be used.
    pub fn is_secret(&self) -> bool {
        matches!(self.0, BuildErrorKind::NoSecret | BuildErrorKind::Secret(_))
    }

    /// Whether a limit makes no sense.
    pub fn is_limit(&self) -> bool {
        matches!(self.0, BuildErrorKind::Limit(_))
    }

    /// Whether a handler takes a transaction that the store does not give.
    pub fn is_transaction(&self) -> bool {
        matches!(self.0, BuildErrorKind::Transaction { .. })
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            BuildErrorKind::NoSecret => {
                f.write_str("no secret: call `.secret(…)` with the API key of your Apideck application")
            }
            BuildErrorKind::Secret(error) => write!(f, "the secret cannot be used: {error}"),
            BuildErrorKind::Limit(what) => f.write_str(what),
            BuildErrorKind::Transaction {
                handler,
                wanted,
                given,
                store,
            } => {
                write!(
                    f,
                    "the handler `{handler}` takes `Tx<{wanted}>`, and the store, a `{store}`, gives "
                )?;
                match given {
                    Some(given) => write!(f, "`Tx<{given}>`")?,
                    None => f.write_str("no transactions")?,
                }
                write!(f, ": call `.store(…)` with a `{wanted}Store`")
            }
        }
    }
}

impl std::error::Error for BuildError {}
