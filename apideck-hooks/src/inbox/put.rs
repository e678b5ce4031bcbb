//! Inboxes of the user's own.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::envelope::Envelope;
use crate::store::Store;

/// An inbox of your own, such as a queue of a broker.
///
/// [`put`](Inbox::put) is called for each verified delivery of a known event, duplicates included.
/// Your worker takes the envelope out of the queue and passes it to
/// [`Hooks::work`](crate::Hooks::work), which finds out about duplicates. Counts, lists and an
/// [`Order`](crate::Order) are those of your queue.
///
/// ```
/// use apideck_hooks::{Envelope, Inbox, PutError};
/// # struct Queue;
/// # impl Queue { async fn publish(&self, _: Vec<u8>) -> Result<(), std::io::Error> { Ok(()) } }
///
/// struct Broker(Queue);
///
/// #[async_trait::async_trait]
/// impl Inbox for Broker {
///     async fn put(&self, envelope: &Envelope) -> Result<(), PutError> {
///         // Returns when the broker has confirmed that it keeps the message.
///         self.0.publish(envelope.to_json()).await.map_err(PutError::new)
///     }
/// }
/// ```
#[async_trait]
pub trait Inbox: Send + Sync + 'static {
    /// Keeps an envelope until a worker has worked it off.
    ///
    /// Return only when the envelope is kept durably, because the delivery is answered `200` then.
    /// The future is dropped after [`store_timeout`](crate::HooksBuilder::store_timeout), and the
    /// delivery is refused.
    ///
    /// # Errors
    ///
    /// The envelope may not be kept. The delivery is answered `503`, and Apideck sends it
    /// again. If `fail_open` is set, its handler runs instead.
    async fn put(&self, envelope: &Envelope) -> Result<(), PutError>;
}

/// The error of [`Inbox::put`].
#[derive(Debug)]
pub struct PutError(Box<dyn Error + Send + Sync>);

impl PutError {
    /// Makes an error of another error or a text.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for PutError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// The inbox of a receiver.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub enum InboxOf {
    /// The inbox of this store.
    Store(Arc<dyn Store>),
    /// An inbox of the user's own.
    User(Arc<dyn Inbox>),
}

/// The argument of [`HooksBuilder::inbox`](crate::HooksBuilder::inbox): an inbox of this crate,
/// which is the store too, or an [`Inbox`] of your own.
pub trait IntoInbox: sealed::Sealed {
    #[doc(hidden)]
    fn into_inbox(self) -> InboxOf;
}

pub(super) mod sealed {
    pub trait Sealed {}
}

impl<T: Inbox> sealed::Sealed for T {}

impl<T: Inbox> IntoInbox for T {
    fn into_inbox(self) -> InboxOf {
        InboxOf::User(Arc::new(self))
    }
}
