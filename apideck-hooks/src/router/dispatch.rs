//! The way to a handler by its position.
//!
//! A tree of generic types, not one large `match` in the user's crate: the compiler goes through an `async` block with an `.await`
//! for each of sixty handlers again and again, but only once through these.

use crate::handler::{Handle, Incoming, Outcome, run};
use std::future::Future;

/// Handlers in a row.
#[doc(hidden)]
pub trait Dispatch<S> {
    /// How many.
    const LEN: u16;

    /// Runs the one in this position.
    fn dispatch(position: u16, incoming: &mut Incoming, state: &S) -> impl Future<Output = Outcome> + Send;
}

/// None.
#[derive(Debug)]
pub struct Nobody;

/// A single one.
#[derive(Debug)]
pub struct One<H>(H);

/// Those of the first, then those of the second.
#[derive(Debug)]
pub struct Both<A, B>(A, B);

impl<S: Sync> Dispatch<S> for Nobody {
    const LEN: u16 = 0;

    async fn dispatch(_: u16, _: &mut Incoming, _: &S) -> Outcome {
        Outcome::Ignore
    }
}

impl<S: Sync, H: Handle<S>> Dispatch<S> for One<H> {
    const LEN: u16 = 1;

    fn dispatch(_: u16, incoming: &mut Incoming, state: &S) -> impl Future<Output = Outcome> + Send {
        run(incoming, state, H::function())
    }
}

impl<S: Sync, A: Dispatch<S>, B: Dispatch<S>> Dispatch<S> for Both<A, B> {
    const LEN: u16 = A::LEN + B::LEN;

    async fn dispatch(position: u16, incoming: &mut Incoming, state: &S) -> Outcome {
        match position.checked_sub(A::LEN) {
            None => A::dispatch(position, incoming, state).await,
            Some(position) => B::dispatch(position, incoming, state).await,
        }
    }
}
