//! Any request gets one response, and a `2xx` only with a signature of the body.
//!
//! The first byte chooses the method and the headers, the second one the signature. The rest is the
//! body, which may come in chunks.

#![no_main]

use std::convert::Infallible;
use std::sync::LazyLock;

use apideck_hooks::{Hooks, Rest, events::AnyEvent, on, router};
use apideck_hooks_fuzz::mac::{base64, hex, mac};
use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::service::Service;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

const SECRET: &str = "my-api-key";
const LIMIT: usize = 3000;

#[on("*")]
async fn any(event: AnyEvent) {
    let _ = event.consumer_id().len();
}

static RECEIVER: LazyLock<(Runtime, Hooks)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let hooks = Hooks::builder(router![any]).secret(SECRET).rest(Rest::None).body_limit(LIMIT);
    (runtime, hooks.build().expect("a receiver"))
});

fuzz_target!(|input: &[u8]| {
    let [choice, signature, body @ ..] = input else {
        return;
    };
    let right = mac(SECRET, body);
    let mut request = Request::new(());
    let post = choice % 8 != 0;
    *request.method_mut() = if post { Method::POST } else { Method::HEAD };
    let headers = request.headers_mut();
    let value = match signature % 5 {
        0 => None,
        1 => Some(hex(&right)),
        2 => Some(base64(&right)),
        3 => Some(hex(&mac("another", body))),
        _ => Some(String::from_utf8_lossy(body).into_owned()),
    };
    let genuine = matches!(signature % 5, 1 | 2);
    if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(&value)) {
        headers.insert("x-apideck-signature", value);
    }
    let name = &body[..body.len().min(usize::from(*choice))];
    if choice & 16 != 0
        && let Ok(name) = HeaderValue::from_bytes(name)
    {
        headers.insert("x-apideck-event-type", name.clone());
        headers.insert("x-apideck-idempotency-key", name);
    }
    let size = if choice & 32 == 0 { body.len().max(1) } else { 7 };
    let chunks: Vec<_> = body
        .chunks(size)
        .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(chunk))))
        .collect();
    let request = request.map(|()| StreamBody::new(futures_util::stream::iter(chunks)));
    let (runtime, hooks) = &*RECEIVER;
    let (status, answer) = runtime.block_on(async {
        let response = hooks.call(request).await.expect("it cannot fail");
        let (parts, answer) = response.into_parts();
        (parts.status.as_u16(), answer.collect().await.expect("it is there").to_bytes())
    });
    match status {
        200 => assert!(post && genuine),
        400 => assert!(post && genuine && choice & 16 != 0),
        401 => assert!(post && !genuine),
        405 => return assert!(!post && answer.is_empty()),
        413 => assert!(post && body.len() > LIMIT),
        422 => assert!(post && genuine),
        _ => panic!("{status}"),
    }
    serde_json::from_slice::<serde_json::Value>(&answer).expect("JSON");
});
