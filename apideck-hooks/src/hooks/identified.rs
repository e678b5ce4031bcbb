//! The event of a delivery.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use tracing::Span;

use crate::delivery::{DeliveryHeaders, Key};
use crate::event::EventType;
use crate::observe::About;
use crate::payload::{AnyEvent, DecodeError, EventIdentity, OtherEvent, Parsed, Timestamp, parse};
use crate::signature::VerifiedText;

/// The event of a delivery, parsed.
pub(super) struct Identified {
    /// `None` for a body that is not an event.
    pub(super) event_type: Option<EventType>,
    pub(super) identity: EventIdentity,
    pub(super) event: Result<AnyEvent, DecodeError>,
}

impl Identified {
    pub(super) fn of(text: &VerifiedText) -> Self {
        match parse(text) {
            Parsed::Event {
                event_type,
                identity,
                event,
            } => Self {
                event_type: Some(event_type),
                identity,
                event,
            },
            Parsed::NoEvent => Self {
                event_type: None,
                identity: EventIdentity::default(),
                event: Ok(AnyEvent::Other(OtherEvent::new(text))),
            },
        }
    }

    /// Returns the event's name. Empty for a body that is not an event.
    pub(super) fn name(&self) -> &str {
        self.event_type.as_ref().map_or("", EventType::as_str)
    }

    /// Returns the lane of the event among a source's, and its time in it: microseconds since the
    /// start of 1970.
    pub(super) fn lane(&self, source: &str, text: &VerifiedText) -> (Option<Key>, Option<i64>) {
        let entity_id = self.identity.entity_id.as_str(text);
        let lane = (!entity_id.is_empty()).then(|| Key::of_lane(source, entity_id));
        let occurred_at = self.identity.occurred_at.as_ref().and_then(Timestamp::get);
        let occurred_at = occurred_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        (
            lane,
            occurred_at.and_then(|at| i64::try_from(at.as_micros()).ok()),
        )
    }

    /// Records the event in the current span.
    pub(super) fn record(&self, text: &VerifiedText, handler: Option<&'static str>) {
        let span = Span::current();
        if span.is_disabled() {
            return;
        }
        let listed = self.event_type.as_ref().and_then(EventType::listed_name);
        span.record("otel.name", listed.unwrap_or("delivery"));
        span.record("event", self.name());
        span.record("id", self.identity.event_id.as_str(text));
        span.record("handler", handler);
    }

    /// Copies the facts of the event for the observers.
    pub(super) fn about(
        &self,
        headers: &HeaderMap,
        text: &VerifiedText,
        handler: Option<&'static str>,
    ) -> About {
        let identity = &self.identity;
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let consumer_id = self.event.as_ref().map(AnyEvent::consumer_id);
        let idempotency_key = DeliveryHeaders::new(headers).idempotency_key();
        About {
            delivery: About::next_delivery(),
            event_type: self.event_type.clone(),
            event_id: some(identity.event_id.as_str(text)),
            entity_id: some(identity.entity_id.as_str(text)),
            consumer_id: consumer_id.ok().and_then(some),
            occurred_at: identity.occurred_at.as_ref().and_then(Timestamp::get),
            execution_attempt: identity.execution_attempt,
            idempotency_key: idempotency_key.unwrap_or_default().map(str::to_owned),
            handler,
            replay: false,
            worker: false,
        }
    }
}
