//! The traits that `#[on]` implements for a handler, and the run of a handler.
//!
//! # How it works
//!
//! A run is a boxed future, so the code that starts it is compiled without its type. A list of
//! handlers is a table of pointers to functions that start a run. If the list awaited the handlers'
//! own futures, the compiler would go through all of them in each of its passes. It does not look
//! behind a pointer. That costs a delivery one allocation. The last handler of a list is found as
//! fast as the first.
//!
//! [`run`] has the only `async` block for handlers. It is generic, and checked once in this crate.
//! A block with a few `.await`s in the generated code would cost the compiler more than the rest of
//! a handler.

use std::future::Future;
use std::pin::Pin;

use super::{Arguments, Handler, Incoming, Outcome};

/// The type that `#[on]` adds to a function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "annotate the function with `#[on(\"…\")]`"
)]
pub trait Annotated {
    /// The function's events and the transaction that it takes.
    const HANDLER: Handler;
}

/// A handler that can run under the state `S`.
// Not a subtrait of `Annotated`, because a type that is neither would be two errors.
pub trait Handle<S> {
    /// Makes the arguments and calls the handler with them.
    fn run<'a>(incoming: &'a mut Incoming, state: &'a S) -> Run<'a>;
}

/// A handler's run.
pub type Run<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Makes a function's arguments, calls it, and turns its return value into an outcome.
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

/// Returns a run without effect. It stands for a handler with an error, in a crate that does not
/// compile.
pub fn run_nothing<'a, S>(_: &'a mut Incoming, _: &'a S) -> Run<'a> {
    Box::pin(std::future::ready(Outcome::Ignore))
}
