//! Polling by hand.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// What a first poll gives. Most of what a delivery waits for is there already, and needs neither a timer nor a task.
pub(crate) async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}
