//! Any event, for handlers that take all events.

use super::DecodeError;
use super::{ConnectionEvent, Raw, ResourceEvent};
use crate::event::EventType;
use crate::signature::VerifiedText;

/// The content of any signed delivery: an event of one of the two families, or another body.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum AnyEvent {
    /// An event of Vault.
    Connection(Box<ConnectionEvent>),
    /// An event of any other API.
    Resource(Box<ResourceEvent>),
    /// Any other signed body. It is not an event, such as the one that Apideck sends to validate a
    /// new URL (webhook guide). Or it is an event that this release does not list, and its payload
    /// does not have the shape of either family.
    Other(OtherEvent),
}

/// A signed body that is not an event, or an unlisted event of another shape.
///
/// Two of them are equal if their texts are.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct OtherEvent {
    /// Boxed, because nearly no body has it and each event is moved.
    unlisted: Option<Box<Unlisted>>,
    raw: Raw,
}

/// The name and the ids of an unlisted event.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Unlisted {
    pub(super) event_type: EventType,
    pub(super) event_id: String,
    pub(super) entity_id: String,
}

impl OtherEvent {
    /// Makes the body that is not an event.
    pub(crate) fn new(text: &VerifiedText) -> Self {
        Self {
            raw: Raw::new(text),
            ..Self::default()
        }
    }

    /// Makes the unlisted event.
    pub(super) fn unlisted(unlisted: Unlisted, text: &VerifiedText) -> Self {
        Self {
            unlisted: Some(Box::new(unlisted)),
            raw: Raw::new(text),
        }
    }

    /// Returns the event's type. `None` for a body that is not an event.
    pub fn event_type(&self) -> Option<&EventType> {
        self.unlisted.as_ref().map(|unlisted| &unlisted.event_type)
    }

    /// Returns the verified text.
    pub fn raw(&self) -> &Raw {
        &self.raw
    }
}

impl AnyEvent {
    /// Returns the event of Vault.
    ///
    /// # Errors
    ///
    /// It is an event of another API, or not an event.
    pub(crate) fn into_connection(self) -> Result<Box<ConnectionEvent>, DecodeError> {
        match self {
            Self::Connection(event) => Ok(event),
            other => Err(DecodeError::other_family("ConnectionEvent", other.event_type())),
        }
    }

    /// Returns the event of an API other than Vault.
    ///
    /// # Errors
    ///
    /// It is an event of Vault, or not an event.
    pub(crate) fn into_resource(self) -> Result<Box<ResourceEvent>, DecodeError> {
        match self {
            Self::Resource(event) => Ok(event),
            other => Err(DecodeError::other_family("ResourceEvent", other.event_type())),
        }
    }

    /// Returns the event's type. `None` for a body that is not an event.
    pub fn event_type(&self) -> Option<&EventType> {
        match self {
            Self::Connection(event) => Some(&event.event_type),
            Self::Resource(event) => Some(&event.event_type),
            Self::Other(event) => event.event_type(),
        }
    }

    /// Returns the event's id. Empty if the body has none.
    pub fn event_id(&self) -> &str {
        match self {
            Self::Connection(event) => &event.event_id,
            Self::Resource(event) => &event.event_id,
            Self::Other(event) => event.unlisted.as_ref().map_or("", |unlisted| &unlisted.event_id),
        }
    }

    /// Returns the entity's id. Empty if the body has none.
    pub fn entity_id(&self) -> &str {
        match self {
            Self::Connection(event) => &event.entity_id,
            Self::Resource(event) => &event.entity_id,
            Self::Other(event) => event.unlisted.as_ref().map_or("", |unlisted| &unlisted.entity_id),
        }
    }

    /// Returns the id of the consumer: your customer. Empty if the body has none.
    pub fn consumer_id(&self) -> &str {
        match self {
            Self::Connection(event) => &event.entity.consumer_id,
            Self::Resource(event) => &event.consumer_id,
            Self::Other(_) => "",
        }
    }

    /// Returns the verified text from which the event was read.
    pub fn raw(&self) -> &Raw {
        match self {
            Self::Connection(event) => event.raw(),
            Self::Resource(event) => event.raw(),
            Self::Other(event) => event.raw(),
        }
    }
}

impl From<ConnectionEvent> for AnyEvent {
    fn from(event: ConnectionEvent) -> Self {
        Self::Connection(Box::new(event))
    }
}

impl From<ResourceEvent> for AnyEvent {
    fn from(event: ResourceEvent) -> Self {
        Self::Resource(Box::new(event))
    }
}
