//! A verified delivery: its headers, its identity and its keys.

mod claim_lost;
mod context;
#[cfg(feature = "testing")]
mod for_tests;
mod headers;
mod identity;
mod key;
mod signed_text;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;

use crate::event::EventType;
use crate::json::Piece;
use crate::signature::VerifiedText;

pub use context::{Context, ContextTooLarge};
pub use identity::Identity;
pub use key::{Key, ParseKeyError};
pub use token::Token;

pub(crate) use claim_lost::Signal;
pub(crate) use headers::{DeliveryHeaders, EVENT_TYPE, IDEMPOTENCY_KEY};
pub(crate) use identity::{Facts, Keys};

/// A verified delivery, as a parameter of a handler. Clones are cheap.
#[derive(Clone)]
pub struct Delivery {
    inner: Arc<Inner>,
    run: RunFacts,
}

/// The facts of the run that takes the delivery.
#[derive(Clone, Default)]
pub(crate) struct RunFacts {
    /// Number of the attempt, from 1.
    pub(crate) attempt: u32,
    /// `None` for a run without a claim.
    pub(crate) token: Option<Token>,
}

#[cfg_attr(feature = "testing", derive(Clone))]
pub(crate) struct Inner {
    pub(crate) event_type: Option<EventType>,
    pub(crate) event_id: Piece,
    pub(crate) entity_id: Piece,
    pub(crate) execution_attempt: Option<u32>,
    pub(crate) headers: HeaderMap,
    pub(crate) context: Context,
    pub(crate) text: VerifiedText,
    pub(crate) received_at: SystemTime,
    /// The signal that the run has lost its claim.
    pub(crate) claim_lost: Signal,
}

/// The signal that the run of a delivery has lost its claim.
///
/// It is a part of the delivery, because a delivery has one claim at most, and its handler can keep
/// the delivery for longer than the run.
pub(crate) struct ClaimLost(Arc<Inner>);

impl ClaimLost {
    /// Gives the signal. It stays given.
    pub(crate) fn signal(&self) {
        self.0.claim_lost.give();
    }
}

impl Delivery {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
            run: RunFacts::default(),
        }
    }

    /// Returns the signal that the run has lost its claim.
    pub(crate) fn signal_of_claim_lost(&self) -> ClaimLost {
        ClaimLost(Arc::clone(&self.inner))
    }

    /// Sets the facts of the run, before the handler runs.
    pub(crate) fn set_run(&mut self, run: RunFacts) {
        self.run = run;
    }

    /// Returns the event's type, from the signed body. `None` for a body that is not an event.
    pub fn event_type(&self) -> Option<&EventType> {
        self.inner.event_type.as_ref()
    }

    /// Returns the event's id, from the signed body. `None` if the body has none.
    pub fn event_id(&self) -> Option<&str> {
        Some(self.inner.event_id.as_str(&self.inner.text)).filter(|id| !id.is_empty())
    }

    /// Returns the entity's id, from the signed body. `None` if the body has none.
    pub fn entity_id(&self) -> Option<&str> {
        Some(self.inner.entity_id.as_str(&self.inner.text)).filter(|id| !id.is_empty())
    }

    /// Returns the header `x-apideck-idempotency-key`. `None` if it is missing or unusable.
    ///
    /// A usable key is 1 to 255 visible ASCII characters, sent once. **The header is not signed**,
    /// so someone with a captured body can send it under another key.
    pub fn idempotency_key(&self) -> Option<&str> {
        DeliveryHeaders::new(&self.inner.headers)
            .idempotency_key()
            .unwrap_or_default()
    }

    /// Returns Apideck's count of delivery attempts, which starts at 1, from the signed body.
    /// `None` if the body has none, because not all events have it.
    pub fn execution_attempt(&self) -> Option<u32> {
        self.inner.execution_attempt
    }

    /// Returns the number of this attempt at handling the event, from 1.
    ///
    /// Unlike Apideck's count it leaves out deliveries that reached no handler.
    pub fn attempt(&self) -> u32 {
        self.run.attempt
    }

    /// Returns the fencing token of this run. It is greater than the tokens of all earlier runs of
    /// the event. `None` if the handler runs without a claim, which `fail_open` allows.
    pub fn token(&self) -> Option<Token> {
        self.run.token
    }

    /// Returns `true` if this run has lost its claim.
    ///
    /// Another delivery can run the event then. The handler is not stopped, because it may be past
    /// its point of no return. Its end no longer changes the record.
    pub fn is_claim_lost(&self) -> bool {
        self.inner.claim_lost.is_given()
    }

    /// Waits until this run has lost its claim. Use it in a `select!` beside the work.
    pub async fn claim_lost(&self) {
        self.inner.claim_lost.wait().await;
    }

    /// Returns the values that [`HooksBuilder::context`](crate::HooksBuilder::context) took from
    /// the request. A replay has those of its dead letter. **They are not signed.**
    pub fn context(&self) -> &Context {
        &self.inner.context
    }

    /// Returns the request's headers. **They are not signed.** A replay has none.
    pub fn headers(&self) -> &HeaderMap {
        &self.inner.headers
    }

    /// Returns the verified text, which is the text that Apideck signed.
    ///
    /// It is the body as received if the signature is over the raw body. Otherwise it is the sorted
    /// text, because bytes outside of the sorted text were not signed.
    pub fn body(&self) -> &Bytes {
        &self.inner.text
    }

    /// Returns the verified text with its type.
    pub(crate) fn text(&self) -> &VerifiedText {
        &self.inner.text
    }

    /// Returns the time at which the request arrived, by this machine's clock.
    pub fn received_at(&self) -> SystemTime {
        self.inner.received_at
    }
}

/// Prints neither headers nor body, because they may hold credentials.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("event_type", &self.inner.event_type)
            .field("event_id", &self.event_id())
            .field("entity_id", &self.entity_id())
            .field("idempotency_key", &self.idempotency_key())
            .field("execution_attempt", &self.inner.execution_attempt)
            .field("attempt", &self.run.attempt)
            .field("token", &self.run.token)
            .field("received_at", &self.inner.received_at)
            .finish_non_exhaustive()
    }
}
