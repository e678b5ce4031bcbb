//! Polling a future once, by hand.
//!
//! # How it works
//!
//! Most futures that a delivery awaits are ready at their first poll. Such a future needs neither a
//! timer nor a task around it, so it is polled once before either is made.
//!
//! The first poll registers the waker of the calling task. If the future returns `Pending`, the
//! caller polls it again with its timer or in its new task. That second poll registers the waker
//! anew, so no wake-up is lost.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Polls the future once and returns the result. Always ready.
pub(crate) fn once<F: Future>(mut future: Pin<&mut F>) -> impl Future<Output = Poll<F::Output>> {
    poll_fn(move |cx| Poll::Ready(future.as_mut().poll(cx)))
}
