//! The result of reading a verified text.

use crate::event::EventType;
use crate::json::Piece;
use crate::payload::{AnyEvent, DecodeError, Timestamp};

/// What a verified text is.
pub(crate) enum Parsed {
    /// It names an event. The identity is there even if the payload does not decode.
    Event {
        event_type: EventType,
        identity: EventIdentity,
        event: Result<AnyEvent, DecodeError>,
    },
    /// JSON or not, it names no event.
    NoEvent,
}

/// What the signed body says about who it is.
#[derive(Default)]
pub(crate) struct EventIdentity {
    pub(crate) event_id: Piece,
    pub(crate) entity_id: Piece,
    pub(crate) occurred_at: Option<Timestamp>,
    pub(crate) execution_attempt: Option<u32>,
}
