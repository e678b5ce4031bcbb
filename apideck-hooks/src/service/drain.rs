//! Reading the rest of a body that is refused.
//!
//! # How it works
//!
//! A server that closes a connection with unread bytes resets it, and the sender may lose the
//! response. So the rest of a refused body is read and thrown away, up to a number of bytes and a
//! time, in a task beside the response. A sender that waits for `100 Continue` has not sent its
//! body, and reading it would invite it.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Buf;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::poll;

/// Maximum number of bytes that are thrown away.
const BYTES: usize = 8 * 1024 * 1024;
/// Maximum time for which they are read.
const TIME: Duration = Duration::from_secs(2);

/// Throws a body away of which nothing was read.
pub(crate) async fn unread<B>(body: B, headers: &HeaderMap)
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    if !body.is_end_stream() && !headers.contains_key(EXPECT) {
        rest(Box::pin(body)).await;
    }
}

/// Throws the rest of a body away. It returns before that has ended.
pub(super) async fn rest<B>(body: Pin<Box<B>>)
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    let mut thrown_away = Box::pin(throw_away(body));
    // Mostly it has arrived with the head.
    if poll::once(thrown_away.as_mut()).await == Poll::Pending {
        tokio::spawn(timeout(TIME, thrown_away));
    }
}

async fn throw_away<B: Body>(mut body: Pin<Box<B>>) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Buf::remaining);
        if bytes > BYTES {
            return;
        }
    }
}
