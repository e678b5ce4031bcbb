//! The connection of a handler's transaction.
//!
//! # How it works
//!
//! The store puts its connection into the handler's `Tx`. When the `Tx` is dropped, wherever the
//! handler has moved it, the connection is sent back to the store. If the store no longer waits for
//! it, the connection is dropped and its transaction is rolled back.

use std::ops::{Deref, DerefMut};

use tokio::sync::oneshot;

/// A connection that returns to its store when it is dropped.
pub(crate) struct HandlerConnection<T> {
    /// `None` only while it is dropped.
    inner: Option<(T, oneshot::Sender<T>)>,
}

impl<T> HandlerConnection<T> {
    /// Returns the handler's side, and the receiver to which the connection returns.
    pub(crate) fn new(connection: T) -> (Self, oneshot::Receiver<T>) {
        let (owner, returned) = oneshot::channel();
        let inner = Some((connection, owner));
        (Self { inner }, returned)
    }
}

impl<T: Deref> Deref for HandlerConnection<T> {
    type Target = T::Target;

    fn deref(&self) -> &T::Target {
        match &self.inner {
            Some((connection, _)) => connection,
            None => unreachable!("the connection is there until it is dropped"),
        }
    }
}

impl<T: DerefMut> DerefMut for HandlerConnection<T> {
    fn deref_mut(&mut self) -> &mut T::Target {
        match &mut self.inner {
            Some((connection, _)) => connection,
            None => unreachable!("the connection is there until it is dropped"),
        }
    }
}

impl<T> Drop for HandlerConnection<T> {
    fn drop(&mut self) {
        if let Some((connection, owner)) = self.inner.take() {
            let _ = owner.send(connection);
        }
    }
}
