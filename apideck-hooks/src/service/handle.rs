//! The door for frameworks that have neither hyper's nor tower's services.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;

use super::services::ResponseFuture;
use crate::hooks::Hooks;

/// The response to a delivery, in types of the standard library and `bytes`.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "the sender waits for the response"]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers: names in lower case, with their values. Each name is there once.
    pub headers: Vec<(String, String)>,
    /// The body, which is JSON.
    pub body: Bytes,
}

/// The future of a [`Reply`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct ReplyFuture(ResponseFuture);

impl Hooks {
    /// Handles a delivery that another framework has received, and returns the reply to send.
    ///
    /// `headers` are the names and values of all headers of the request, as bytes. `body` is the
    /// body as it was received. Call it only for `POST`. The framework reads the body, so limits of
    /// its length and of its time are the framework's. A body over
    /// [`body_limit`](crate::HooksBuilder::body_limit) is answered `413`.
    ///
    /// A header that HTTP does not allow is left out. The function of
    /// [`context`](crate::HooksBuilder::context) sees these headers and the path `/`.
    ///
    /// From its first poll on, a run goes on if the future is dropped.
    ///
    /// ```
    /// # use apideck_hooks::{Hooks, router};
    /// # use bytes::Bytes;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hooks = Hooks::builder(router![..]).secret("my-api-key").build()?;
    /// let body = Bytes::from_static(br#"{"payload":{"event_type":"crm.lead.created"}}"#);
    /// let signature = "77f4f15211ffc257f66dfd3b4c4f844239d441efb462c4894e10c9f3ad139f95";
    /// let reply = hooks.handle([("X-Apideck-Signature", signature)], body).await;
    /// assert_eq!(reply.status, 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn handle<N, V>(&self, headers: impl IntoIterator<Item = (N, V)>, body: Bytes) -> ReplyFuture
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        let map = request.headers_mut();
        for (name, value) in headers {
            if !append(map, name.as_ref(), value.as_ref()) {
                break;
            }
        }
        ReplyFuture(self.respond(request))
    }
}

/// Adds a header. Returns `false` if the map is full.
fn append(map: &mut HeaderMap, name: &[u8], value: &[u8]) -> bool {
    match (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        (Ok(name), Ok(value)) => map.try_append(name, value).is_ok(),
        _ => true,
    }
}

impl Future for ReplyFuture {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        Pin::new(&mut self.0).poll(cx).map(|response| {
            let Ok(response) = response;
            let (parts, body) = response.into_parts();
            let headers = parts.headers.iter().map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.as_str().to_owned(), value.into_owned())
            });
            Reply {
                status: parts.status.as_u16(),
                headers: headers.collect(),
                body: body.into_bytes(),
            }
        })
    }
}

impl fmt::Debug for ReplyFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyFuture")
    }
}
