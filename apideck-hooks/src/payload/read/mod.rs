//! From a verified text to a typed event.
//!
//! # How it works
//!
//! The fields are listed once, in `fields`, and serde derives the code that reads them. Nearly all
//! bodies are read by it straight from their text. Any other body is read by the same code from
//! `CheckedJson`, which reads as JavaScript does: a key that comes twice, a number beyond a double,
//! a lone surrogate, or a value of another type than documented.
//!
//! An event whose payload does not decode is still known by its name and its ids. So the name is
//! looked up first there, and a part that does not decode is left out for the identity.

#[cfg(test)]
mod odd_bodies;
mod parsed;
#[cfg(test)]
mod two_ways;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Deserializer;

use super::any::{AnyEvent, OtherEvent, Unlisted};
use super::connection_event::ConnectionEvent;
use super::decode_error::DecodeError;
use super::fields::Wire;
use super::lenient::object;
use super::raw::Raw;
use super::resource_event::ResourceEvent;
use crate::event::{EventType, Family};
use crate::json::{CheckedJson, Piece, has_arbitrary_precision};
use crate::signature::VerifiedText;
use crate::signature::canonical::MAX_DEPTH;

pub(crate) use parsed::{EventIdentity, Parsed};

impl AnyEvent {
    /// Reads a body, `{"payload":{…}}`, that was verified already or comes from a test.
    ///
    /// # Errors
    ///
    /// The body names a listed event, and its payload does not have the documented shape.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, DecodeError> {
        Self::read(&VerifiedText::kept(Bytes::copy_from_slice(text.as_ref())))
    }

    pub(crate) fn read(text: &VerifiedText) -> Result<Self, DecodeError> {
        match parse(text) {
            Parsed::Event { event, .. } => event,
            Parsed::NoEvent => Ok(Self::Other(OtherEvent::new(text))),
        }
    }
}

/// Reads a verified text.
pub(crate) fn parse(text: &VerifiedText) -> Parsed {
    let Ok(json) = std::str::from_utf8(text) else {
        return Parsed::NoEvent;
    };
    match read_plain(json) {
        Some(wire) => {
            let event_type = EventType::from(&*wire.event_type);
            event(wire, None, event_type, text)
        }
        None => read_any(json, text).unwrap_or(Parsed::NoEvent),
    }
}

/// A body.
#[derive(Default, Deserialize)]
struct Outer<'a> {
    #[serde(borrow, deserialize_with = "object::<Wire<'a>, _, _>")]
    payload: Box<Wire<'a>>,
}

/// Reads a body as nearly all are. `None` for any other one, which may name an event nevertheless.
fn read_plain(json: &str) -> Option<Box<Wire<'_>>> {
    // `serde_json` would give an object with a certain key for a number, and the other way round.
    if has_arbitrary_precision() {
        return None;
    }
    let mut deserializer = Deserializer::from_str(json);
    let body: Outer<'_> = object::<Outer<'_>, _, _>(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(body.payload).filter(|wire| !wire.event_type.is_empty())
}

/// Reads any body. `None` if it names no event.
fn read_any(json: &str, text: &VerifiedText) -> Option<Parsed> {
    let body = CheckedJson::check(json, MAX_DEPTH)?.members()?;
    let payload = body.get("payload")?.members()?;
    let name = payload.get("event_type")?.string()?;
    if name.is_empty() {
        return None;
    }
    let event_type = EventType::from(&*name);
    let of_both = || Wire::deserialize(payload.clone().without(Wire::OF_CONNECTIONS).deserializer());
    let read = match event_type.family() {
        Family::Resource => of_both(),
        Family::Connection => Wire::deserialize(payload.clone().deserializer()),
    };
    let (wire, error) = match read {
        Ok(wire) => (wire, None),
        Err(error) => (of_both().unwrap_or_default(), Some(error)),
    };
    Some(event(Box::new(wire), error, event_type, text))
}

/// Makes the event of the fields that were read. If there was an error, they only give the
/// identity.
fn event(
    wire: Box<Wire<'_>>,
    error: Option<serde_json::Error>,
    event_type: EventType,
    text: &VerifiedText,
) -> Parsed {
    let identity = EventIdentity {
        event_id: Piece::of(text, &wire.event_id),
        entity_id: Piece::of(text, &wire.entity_id),
        occurred_at: wire.occurred_at.clone(),
        execution_attempt: wire.execution_attempt,
    };
    let event = match (error, event_type.family()) {
        (None, Family::Connection) => {
            let event = ConnectionEvent::of(*wire, event_type.clone(), Raw::new(text));
            Ok(AnyEvent::Connection(Box::new(event)))
        }
        (None, Family::Resource) => {
            let event = ResourceEvent::of(*wire, event_type.clone(), Raw::new(text));
            Ok(AnyEvent::Resource(Box::new(event)))
        }
        (Some(_), _) if !event_type.is_listed() => {
            let unlisted = Unlisted {
                event_type: event_type.clone(),
                event_id: wire.event_id.into_owned(),
                entity_id: wire.entity_id.into_owned(),
            };
            Ok(AnyEvent::Other(OtherEvent::unlisted(unlisted, text)))
        }
        (Some(error), _) => Err(DecodeError::new(&event_type, &error)),
    };
    Parsed::Event {
        event_type,
        identity,
        event,
    }
}

#[cfg(test)]
fn verified(json: &str) -> VerifiedText {
    VerifiedText::kept(Bytes::copy_from_slice(json.as_bytes()))
}
