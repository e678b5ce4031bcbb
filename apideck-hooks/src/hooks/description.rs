//! The parts of a receiver.

use serde::Serialize;

/// The parts and limits of a receiver, without its secrets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Description {
    /// The version of this crate.
    pub version: &'static str,
    /// The handlers, in the order of their list.
    pub handlers: Vec<HandlerDescription>,
    /// The type of the store.
    pub store: String,
    /// `true` if the store forgets everything when its process ends.
    pub volatile: bool,
    /// The source of the receiver's events. Empty if it has none.
    pub source: String,
    /// Number of secrets.
    pub secrets: usize,
    /// Each limit by the name of its setter, with its unit.
    pub limits: Vec<(&'static str, String)>,
}

/// A handler and its events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct HandlerDescription {
    /// The handler's path, as the user wrote it.
    pub name: &'static str,
    /// The listed events that it handles. Events that another handler names more exactly are left
    /// out.
    pub events: Vec<&'static str>,
    /// The database whose transaction it takes.
    pub transaction: Option<&'static str>,
}
