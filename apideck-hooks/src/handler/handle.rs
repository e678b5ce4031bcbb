//! What `#[on]` implements for a handler.

use super::{Arguments, Handler, Incoming, Outcome};
use std::future::Future;
use std::pin::Pin;

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
    /// Takes its arguments, and calls it with them.
    fn run<'a>(incoming: &'a mut Incoming, state: &'a S) -> Run<'a>;
}

/// A handler's run, without its type: the compiler goes through an `async` block with an `.await` for each of sixty handlers again
/// and again, but not through pointers to them. And the way to a handler is as short for the last as for the first.
pub type Run<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Takes a function's arguments, calls it, and makes an outcome of what it returns.
// Generic, and here: what the compiler does for an `async` block with a few `.await`s is more than for all the rest of a handler.
pub fn run<'a, S, A, F>(
    incoming: &'a mut Incoming,
    state: &'a S,
    call: fn(A) -> F,
    outcome: fn(F::Output) -> Outcome,
) -> Run<'a>
where
    S: Sync,
    A: Arguments<S> + 'a,
    F: Future<Output: 'a> + Send + 'a,
{
    Box::pin(async move {
        match A::extract(incoming, state).await {
            Ok(arguments) => outcome(call(arguments).await),
            Err(outcome) => outcome,
        }
    })
}

/// What is instead of a handler with an error, which was reported.
pub fn run_nothing<'a, S>(_: &'a mut Incoming, _: &'a S) -> Run<'a> {
    Box::pin(std::future::ready(Outcome::Ignore))
}
