//! A delivery's work, which outlives its connection.

use crate::service::Answer;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// What is left to be done for a delivery once it is read.
pub(crate) struct Work(Pin<Box<dyn Future<Output = Answer> + Send>>);

/// Work that was begun.
pub(crate) enum Begun {
    Done(Answer),
    /// It waits for something, in a task of its own.
    Waiting(JoinHandle<Answer>),
}

impl Work {
    pub(super) fn new(work: impl Future<Output = Answer> + Send + 'static) -> Self {
        Work(Box::pin(work))
    }

    /// Begins where it is called, as most work is done before it waits for anything and a task would cost as much again. What
    /// does wait goes on in a task, out of reach of a client that goes away. The task polls it at once, so it misses
    /// nothing of what it waits for.
    pub(crate) async fn begin(self) -> Begun {
        let mut work = self.0;
        // A panic outside of the handler, as in a `Drop`, ends the work and not the connection.
        let begin = poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
            Poll::Ready(polled.unwrap_or(Poll::Ready(Answer::Failed)))
        });
        match begin.await {
            Poll::Ready(answer) => Begun::Done(answer),
            // In the span of the request, if a layer around us has one.
            Poll::Pending => Begun::Waiting(tokio::spawn(work.in_current_span())),
        }
    }
}
