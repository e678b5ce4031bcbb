//! Any event, for handlers that take all of them.

use super::DecodeError;
use super::{ConnectionEvent, Raw, ResourceEvent};
use crate::event::EventType;
use crate::signature::VerifiedText;

/// Any signed delivery: an event of one of the two families, or something else.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum AnyEvent {
    /// An event of Vault.
    Connection(Box<ConnectionEvent>),
    /// An event of any other API.
    Resource(Box<ResourceEvent>),
    /// A signed body that is no event, such as the one that Apideck sends to validate a new URL.
    Other(OtherEvent),
}

/// A signed body that is no event.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct OtherEvent {
    pub(crate) raw: Raw,
}

impl OtherEvent {
    pub(crate) fn new(text: &VerifiedText) -> Self {
        Self { raw: Raw::new(text) }
    }

    /// The verified text.
    pub fn raw(&self) -> &Raw {
        &self.raw
    }
}

impl AnyEvent {
    pub(crate) fn into_connection(self) -> Result<Box<ConnectionEvent>, DecodeError> {
        match self {
            AnyEvent::Connection(event) => Ok(event),
            other => Err(DecodeError::other_family("ConnectionEvent", other.event_type())),
        }
    }

    pub(crate) fn into_resource(self) -> Result<Box<ResourceEvent>, DecodeError> {
        match self {
            AnyEvent::Resource(event) => Ok(event),
            other => Err(DecodeError::other_family("ResourceEvent", other.event_type())),
        }
    }

    /// What happened; none for a body that is no event.
    pub fn event_type(&self) -> Option<&EventType> {
        match self {
            AnyEvent::Connection(event) => Some(&event.event_type),
            AnyEvent::Resource(event) => Some(&event.event_type),
            AnyEvent::Other(_) => None,
        }
    }

    /// Unique reference to the event; empty when there is none.
    pub fn event_id(&self) -> &str {
        match self {
            AnyEvent::Connection(event) => &event.event_id,
            AnyEvent::Resource(event) => &event.event_id,
            AnyEvent::Other(_) => "",
        }
    }

    /// Id of the entity that the event is about; empty when there is none.
    pub fn entity_id(&self) -> &str {
        match self {
            AnyEvent::Connection(event) => &event.entity_id,
            AnyEvent::Resource(event) => &event.entity_id,
            AnyEvent::Other(_) => "",
        }
    }

    /// Your customer; empty when there is none.
    pub fn consumer_id(&self) -> &str {
        match self {
            AnyEvent::Connection(event) => &event.entity.consumer_id,
            AnyEvent::Resource(event) => &event.consumer_id,
            AnyEvent::Other(_) => "",
        }
    }

    /// The verified text that the event was read from.
    pub fn raw(&self) -> &Raw {
        match self {
            AnyEvent::Connection(event) => &event.raw,
            AnyEvent::Resource(event) => &event.raw,
            AnyEvent::Other(event) => &event.raw,
        }
    }
}

impl From<ConnectionEvent> for AnyEvent {
    fn from(event: ConnectionEvent) -> Self {
        AnyEvent::Connection(Box::new(event))
    }
}

impl From<ResourceEvent> for AnyEvent {
    fn from(event: ResourceEvent) -> Self {
        AnyEvent::Resource(Box::new(event))
    }
}
