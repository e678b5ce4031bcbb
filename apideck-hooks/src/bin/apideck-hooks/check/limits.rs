//! A body that is too long, and one that does not arrive.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use apideck_hooks::testing::Answer;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::finding::Finding;
use super::subject::{CheckedReceiver, UNLISTED};
use crate::client::{Client, client};

/// Length of a body that no receiver has a reason to accept. The longest bodies of events are a few
/// kilobytes.
const LARGE: usize = 16 * 1024 * 1024;

/// A server that refuses the body may close the connection before its response is read, so both are
/// the same.
const REFUSED: &str = "refuses 16 MiB";

/// Sends a genuine body of 16 MiB.
pub(super) async fn large_body(subject: &CheckedReceiver, base: &Answer) -> Vec<Finding> {
    let name = "limit of a body's length";
    let mut body =
        format!("{{\"payload\":{{\"event_type\":\"{UNLISTED}\",\"event_id\":\"large\",\"filler\":\"");
    body.push_str(&"x".repeat(LARGE));
    body.push_str("\"}}");
    let signature = subject.signature(body.as_bytes());
    let finding = match subject.post(Bytes::from(body), &signature).await {
        Ok(response) => match response.status.as_u16() {
            status @ 200..300 => Finding::failed(
                name,
                format!("{status}: accepts a body of 16 MiB, so a stranger can fill its memory"),
            ),
            413 => Finding::ok(name, REFUSED),
            status if base.status() == Some(status) => {
                Finding::not_tested(name, "unknown events are refused alike")
            }
            status => Finding::ok(name, status.to_string()),
        },
        Err(_) if subject.validate().await.status().is_some() => Finding::ok(name, REFUSED),
        Err(trouble) => Finding::failed(name, format!("{}: and it is gone since", trouble.message)),
    };
    vec![finding]
}

/// Sends the begin of a body and never its rest.
pub(super) async fn slow_body(subject: &CheckedReceiver, wait: Duration) -> Finding {
    let name = "limit of a body's time";
    let client: Client<Stalled> = match client(&subject.url) {
        Ok(client) => client,
        Err(trouble) => return Finding::failed(name, trouble.message),
    };
    // A well-formed signature, because a receiver may refuse another one before it reads the body.
    let request = subject.request(Stalled { begun: false }, &"0".repeat(64));
    match tokio::time::timeout(wait, client.request(request)).await {
        Ok(Ok(response)) => Finding::ok(name, response.status().as_str()),
        Ok(Err(_)) => Finding::ok(name, "closes the connection"),
        Err(_) => Finding::failed(
            name,
            format!(
                "waits for more than {} s for a body that does not arrive",
                wait.as_secs()
            ),
        ),
    }
}

/// A body that declares 1,000 bytes, sends one and stalls.
struct Stalled {
    begun: bool,
}

impl Body for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.begun, true) {
            // Nothing wakes this body, but the response or the end of the wait ends the request.
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{")))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(1000)
    }
}
