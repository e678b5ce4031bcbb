//! Polling by hand.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// What a first poll gives. Most of what a delivery waits for is there already, and needs neither a timer nor a task.
pub(crate) fn once<F: Future>(mut future: Pin<&mut F>) -> impl Future<Output = Poll<F::Output>> {
    poll_fn(move |cx| Poll::Ready(future.as_mut().poll(cx)))
}
