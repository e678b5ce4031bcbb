//! What `#[on]` implements for a handler.

use super::{Arguments, Handler, Incoming, Outcome};
use std::future::Future;

/// What a handler is for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "not a handler",
    note = "annotate the function with `#[on(\"…\")]`"
)]
pub trait Listed {
    /// Its events, and the database whose transaction it takes.
    const HANDLER: Handler;
}

/// A handler that can run under the state `S`.
// Not a subtrait of `Listed`: a type that is neither would be an error twice.
pub trait Handle<S> {
    /// How to call it. Hidden in `impl`, because the types of a handler's parameters may be private.
    fn function() -> impl Function<Arguments: Arguments<S>>;
}

/// A handler's function.
pub trait Function {
    /// Its parameters: `(A, (B, ()))`.
    type Arguments;

    /// What it returns.
    type Output;

    /// What that means.
    const OUTCOME: fn(Self::Output) -> Outcome;

    /// Calls it.
    fn call(arguments: Self::Arguments) -> impl Future<Output = Self::Output> + Send;
}

/// Takes a function's arguments, calls it, and makes an outcome of what it returns.
// Generic, and here: what the compiler does for an `async` block with a few `.await`s is more than for all the rest of a handler.
#[expect(
    clippy::manual_async_fn,
    reason = "it says that the future is `Send`, which is checked here once for all"
)]
pub(crate) fn run<S, F>(incoming: &mut Incoming, state: &S, _: F) -> impl Future<Output = Outcome> + Send
where
    S: Sync,
    F: Function<Arguments: Arguments<S>>,
{
    async move {
        match F::Arguments::extract(incoming, state).await {
            Ok(arguments) => F::OUTCOME(F::call(arguments).await),
            Err(outcome) => outcome,
        }
    }
}
