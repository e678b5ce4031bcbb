//! A delivery's work, which outlives its connection.
//!
//! # How it works
//!
//! Work begins with one poll in the task of its connection. A client cannot cancel that poll
//! half-way. Most work ends within it, and a task would double its cost.
//!
//! Work that waits moves into a task of its own, because a client that goes away drops the future
//! of its connection. The new task polls the work at once, so no wake-up between the two is lost.
//!
//! A handler's panic is caught where the handler runs. Another panic, for example in a `Drop`, is
//! caught here. It ends the work, and neither the connection nor the caller of `Hooks::work`.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::disposition::Disposition;

type WorkFuture = Pin<Box<dyn Future<Output = Disposition> + Send>>;

/// The work of a delivery that has a handler.
pub(crate) struct Work {
    future: WorkFuture,
    letter_kept: Option<LetterKept>,
}

/// The fact that the store keeps a letter of the event. Present if the delivery can be the event's
/// last one.
#[derive(Clone, Default)]
pub(crate) struct LetterKept(Arc<AtomicBool>);

impl LetterKept {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The progress of work that was begun.
pub(crate) enum Progress {
    /// The work ended within its first poll.
    Done(Disposition),
    /// The work goes on in a task of its own.
    Waiting(Waiting),
}

/// Work that goes on in a task of its own. Drop it when nobody waits for the work any more.
pub(crate) struct Waiting {
    pub(crate) task: JoinHandle<Disposition>,
    pub(crate) letter_kept: Option<LetterKept>,
    alone: Arc<AtomicBool>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.alone.store(true, Ordering::Relaxed);
    }
}

impl Work {
    /// Makes the work of a delivery.
    pub(super) fn new(
        work: impl Future<Output = Disposition> + Send + 'static,
        letter_kept: Option<LetterKept>,
    ) -> Self {
        Self {
            future: Box::pin(work),
            letter_kept,
        }
    }

    /// Does the work in this task. If the future is dropped, the work is cut short, and its claim
    /// is given back.
    pub(super) async fn in_this_task(mut self) -> Disposition {
        poll_fn(|cx| poll_caught(&mut self.future, cx)).await
    }

    /// Begins the work, and moves it into a task if it has to wait. Its log lines are in the
    /// current span.
    pub(crate) async fn begin(self) -> Progress {
        let mut work = self.future;
        let begin = poll_fn(|cx| Poll::Ready(poll_caught(&mut work, cx)));
        match begin.await {
            Poll::Ready(disposition) => Progress::Done(disposition),
            Poll::Pending => {
                let alone = Arc::new(AtomicBool::new(false));
                let to_its_end = until_its_end(work, Arc::clone(&alone));
                Progress::Waiting(Waiting {
                    task: tokio::spawn(to_its_end.in_current_span()),
                    letter_kept: self.letter_kept,
                    alone,
                })
            }
        }
    }
}

/// Polls the work. A panic ends it as a failure.
fn poll_caught(work: &mut WorkFuture, cx: &mut Context<'_>) -> Poll<Disposition> {
    let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
    polled.unwrap_or(Poll::Ready(Disposition::Failed))
}

/// Waits for the end of the work, and logs it if nobody else waits, because there was an answer
/// before.
async fn until_its_end(work: WorkFuture, alone: Arc<AtomicBool>) -> Disposition {
    let disposition = work.await;
    if alone.load(Ordering::Relaxed) {
        tracing::info!("ended after its answer: {disposition}");
    }
    disposition
}
