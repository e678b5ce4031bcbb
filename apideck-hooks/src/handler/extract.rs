//! A handler's arguments, made from a delivery.

use std::future::Future;

use super::{FromDelivery, FromRef, Incoming, Outcome, Source};

/// A parameter that can be made under the state `S`.
#[doc(hidden)]
pub trait Extract<S>: Sized + Send {
    /// Makes the argument. `Err` is the outcome of a handler that does not run.
    fn extract(incoming: &mut Incoming, state: &S) -> impl Future<Output = Result<Self, Outcome>> + Send;
}

impl<S, T> Extract<S> for T
where
    S: Sync,
    T: FromDelivery,
    T::State: FromRef<S>,
{
    fn extract(incoming: &mut Incoming, state: &S) -> impl Future<Output = Result<Self, Outcome>> + Send {
        let state = T::State::from_ref(state);
        async move {
            T::take(Source(incoming), state)
                .await
                .map_err(|error| Outcome::from(error.into()))
        }
    }
}

/// All parameters of a handler, as nested pairs: `(A, (B, ()))`.
#[doc(hidden)]
pub trait Arguments<S>: Sized + Send {
    /// Makes the arguments in order. `Err` is the outcome of a handler that does not run.
    fn extract(incoming: &mut Incoming, state: &S) -> impl Future<Output = Result<Self, Outcome>> + Send;
}

impl<S: Sync> Arguments<S> for () {
    async fn extract(_: &mut Incoming, _: &S) -> Result<Self, Outcome> {
        Ok(())
    }
}

impl<S, First, Rest> Arguments<S> for (First, Rest)
where
    S: Sync,
    First: Extract<S>,
    Rest: Arguments<S>,
{
    async fn extract(incoming: &mut Incoming, state: &S) -> Result<Self, Outcome> {
        let first = First::extract(incoming, state).await?;
        let rest = Rest::extract(incoming, state).await?;
        Ok((first, rest))
    }
}
