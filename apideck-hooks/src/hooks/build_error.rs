//! The error of `HooksBuilder::build`.

use std::borrow::Cow;
use std::fmt;

/// The error of [`HooksBuilder::build`](crate::HooksBuilder::build): a setting is missing or
/// invalid.
///
/// `Debug` prints the same sentence as `Display`, because a `main` that returns a
/// `Box<dyn Error>` prints `Debug`.
pub struct BuildError(pub(super) BuildErrorKind);

pub(super) enum BuildErrorKind {
    NoSecret,
    Secret(String),
    Limit(Cow<'static, str>),
    NoSource {
        store: &'static str,
    },
    StoreInUse {
        source: String,
    },
    Inbox {
        store: &'static str,
        lacks: &'static str,
    },
    Transaction {
        handler: &'static str,
        wanted: &'static str,
        given: Option<&'static str>,
        store: &'static str,
    },
}

impl BuildError {
    /// Returns `true` if a secret is missing or cannot be used.
    pub fn is_secret(&self) -> bool {
        matches!(self.0, BuildErrorKind::NoSecret | BuildErrorKind::Secret(_))
    }

    /// Returns `true` if a limit or the source is out of its range.
    pub fn is_limit(&self) -> bool {
        matches!(self.0, BuildErrorKind::Limit(_))
    }

    /// Returns `true` if the store needs a source, or is already used under this one.
    pub fn is_source(&self) -> bool {
        matches!(
            self.0,
            BuildErrorKind::NoSource { .. } | BuildErrorKind::StoreInUse { .. }
        )
    }

    /// Returns `true` if the store cannot keep accepted events, or not the dead letters of an
    /// inbox.
    pub fn is_inbox(&self) -> bool {
        matches!(self.0, BuildErrorKind::Inbox { .. })
    }

    /// Returns `true` if a handler takes a transaction that the store does not have.
    pub fn is_transaction(&self) -> bool {
        matches!(self.0, BuildErrorKind::Transaction { .. })
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            BuildErrorKind::NoSecret => f.write_str(
                "no secret is set: call `.secret(…)` with the API key of your Apideck application",
            ),
            BuildErrorKind::Secret(error) => write!(f, "a secret cannot be used: {error}"),
            BuildErrorKind::Limit(rule) => f.write_str(rule),
            BuildErrorKind::NoSource { store } => write!(
                f,
                "the store, a `{store}`, can be shared by several services, and they would take each other's \
                 events for duplicates: call `.source(\"…\")` with the name of this service"
            ),
            BuildErrorKind::StoreInUse { source } => write!(
                f,
                "the store is already used by a receiver with the source {source:?}: call `.source(\"…\")` with \
                 another name, or clone that receiver"
            ),
            BuildErrorKind::Inbox { store, lacks } => write!(
                f,
                "workers and inboxes need a store that keeps {lacks}, and a `{store}` does not: call `.inbox(…)` with \
                 a `SqliteInbox`, or `.store(…)` with a durable store"
            ),
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

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for BuildError {}
