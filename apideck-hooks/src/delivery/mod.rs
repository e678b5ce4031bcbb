//! A verified delivery: what it is, and what a handler may ask about it.

mod headers;
mod identity;
mod key;

pub use identity::Identity;
pub use key::Key;

pub(crate) use headers::{Contradiction, DeliveryHeaders, EVENT_TYPE};
pub(crate) use identity::{Keys, keys};

use crate::event::EventType;
use crate::json::Piece;
use crate::signature::VerifiedText;
use bytes::Bytes;
use http::HeaderMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// The delivery behind an event: a handler's parameter, cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    inner: Arc<Inner>,
    attempt: u32,
}

pub(crate) struct Inner {
    pub(crate) event_type: Option<EventType>,
    pub(crate) event_id: Piece,
    pub(crate) entity_id: Piece,
    pub(crate) execution_attempt: Option<u32>,
    pub(crate) headers: HeaderMap,
    pub(crate) text: VerifiedText,
    pub(crate) received_at: SystemTime,
}

impl Delivery {
    pub(crate) fn new(inner: Inner) -> Self {
        Delivery {
            inner: Arc::new(inner),
            attempt: 0,
        }
    }

    /// The same in another attempt at handling it.
    pub(crate) fn set_attempt(&mut self, attempt: u32) {
        self.attempt = attempt;
    }

    /// What happened, as the signed body says; none for a body that is no event.
    pub fn event_type(&self) -> Option<&EventType> {
        self.inner.event_type.as_ref()
    }

    /// Unique reference to the event, as the signed body says; none if it does not.
    pub fn event_id(&self) -> Option<&str> {
        Some(self.inner.event_id.as_str(&self.inner.text)).filter(|id| !id.is_empty())
    }

    /// Id of the entity, as the signed body says; none if it does not.
    pub fn entity_id(&self) -> Option<&str> {
        Some(self.inner.entity_id.as_str(&self.inner.text)).filter(|id| !id.is_empty())
    }

    /// The header `x-apideck-idempotency-key`. **Not signed**: whoever holds a captured body can send it with another.
    pub fn idempotency_key(&self) -> Option<&str> {
        DeliveryHeaders::new(&self.inner.headers)
            .idempotency_key()
            .unwrap_or_default()
    }

    /// Apideck's count of delivery attempts, from 1, as the signed body says. Not all events have it.
    pub fn execution_attempt(&self) -> Option<u32> {
        self.inner.execution_attempt
    }

    /// How often a handler was started for this event, this run included: 1 the first time. Unlike Apideck's count
    /// it leaves out deliveries that never reached a handler.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The request's headers. **Not signed.**
    pub fn headers(&self) -> &HeaderMap {
        &self.inner.headers
    }

    /// The text that was verified: the body as it came if the signature was over the raw bytes, else the sorted text
    /// that was signed (only that is Apideck's word).
    pub fn body(&self) -> &Bytes {
        &self.inner.text
    }

    /// The verified text, for the crate.
    pub(crate) fn text(&self) -> &VerifiedText {
        &self.inner.text
    }

    /// When the request arrived, by this machine's clock.
    pub fn received_at(&self) -> SystemTime {
        self.inner.received_at
    }
}

/// Neither headers nor body: they may hold credentials.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("event_type", &self.inner.event_type)
            .field("event_id", &self.event_id())
            .field("entity_id", &self.entity_id())
            .field("idempotency_key", &self.idempotency_key())
            .field("execution_attempt", &self.inner.execution_attempt)
            .field("attempt", &self.attempt)
            .field("received_at", &self.inner.received_at)
            .finish_non_exhaustive()
    }
}
