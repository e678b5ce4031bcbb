//! A connection that is lent to a handler.

use std::ops::{Deref, DerefMut};
use tokio::sync::oneshot;

/// Goes home when whoever holds it lets go of it. If nobody waits there any more, it is dropped.
pub(super) struct Loan<T> {
    /// None while it is dropped.
    held: Option<(T, oneshot::Sender<T>)>,
}

impl<T> Loan<T> {
    pub(super) fn new(connection: T) -> (Self, oneshot::Receiver<T>) {
        let (home, back) = oneshot::channel();
        let held = Some((connection, home));
        (Loan { held }, back)
    }
}

impl<T: Deref> Deref for Loan<T> {
    type Target = T::Target;

    fn deref(&self) -> &T::Target {
        match &self.held {
            Some((connection, _)) => connection,
            None => unreachable!("held until it is dropped"),
        }
    }
}

impl<T: DerefMut> DerefMut for Loan<T> {
    fn deref_mut(&mut self) -> &mut T::Target {
        match &mut self.held {
            Some((connection, _)) => connection,
            None => unreachable!("held until it is dropped"),
        }
    }
}

impl<T> Drop for Loan<T> {
    fn drop(&mut self) {
        if let Some((connection, home)) = self.held.take() {
            let _ = home.send(connection);
        }
    }
}
