//! A delivery's work, which outlives its connection.
//!
//! # How it works
//!
//! Work begins where it is called, in one poll that a client cannot cut short. Most work is done within that poll, and
//! a task for it would cost as much again. Work that waits moves into a task, out of reach of a client that goes away.
//! The new task polls it at once, so no wake-up is lost between the two.
//!
//! A panic of the handler is caught where the handler runs. A panic outside of it, as in a `Drop`, is caught here: it
//! ends the work and not the connection.

use crate::disposition::Disposition;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// The rest of a delivery once it was read.
pub(crate) struct Work(Pin<Box<dyn Future<Output = Disposition> + Send>>);

/// Work that was begun.
pub(crate) enum Progress {
    /// It ended within its first poll.
    Done(Disposition),
    /// It goes on in a task of its own.
    Waiting(JoinHandle<Disposition>),
}

impl Work {
    pub(super) fn new(work: impl Future<Output = Disposition> + Send + 'static) -> Self {
        Work(Box::pin(work))
    }

    /// Begins the work, and moves it into a task if it has to wait.
    pub(crate) async fn begin(self) -> Progress {
        let mut work = self.0;
        let begin = poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
            Poll::Ready(polled.unwrap_or(Poll::Ready(Disposition::Failed)))
        });
        match begin.await {
            Poll::Ready(disposition) => Progress::Done(disposition),
            // Within the span of the request, if a layer around the receiver has one.
            Poll::Pending => Progress::Waiting(tokio::spawn(work.in_current_span())),
        }
    }
}
