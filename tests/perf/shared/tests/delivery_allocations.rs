//! How often a delivery asks for memory, from the request to the answer, on the memory store.
//!
//! | times | for |
//! | ---: | --- |
//! | 13 | the texts of the example's event, which the handler owns |
//! | 1 | the event, so that moving it to the handler moves a pointer |
//! | 1 | the delivery behind it, which handlers may share |
//! | 2 | the answer to come, and the work for it, which can leave the connection |
//! | 1 | the handler's run, so that no delivery has room for the largest |
//! | 2 | the headers of the answer |
//!
//! and now and then for the growth of the store's tables.

use allocation_counter::measure;
use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};
use bytes::{Bytes, BytesMut};
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::service::Service;
use sha2::Sha256;
use std::hint::black_box;
use tokio::runtime::Builder;

const SECRET: &str = "test-api-key";
const EXAMPLE: &str = include_str!("../../tests/fixtures/vault.connection.callable.json");

#[on("vault.connection.callable")]
async fn handler(event: ConnectionCallable) {
    black_box(event);
}

/// The example as it comes over the wire, as another event each time.
fn body(n: usize) -> String {
    let lines: Vec<_> = EXAMPLE.lines().map(str::trim).collect();
    let text = lines.concat().replace("\": ", "\":");
    text.replacen("\"event_id\":\"", &format!("\"event_id\":\"{n:08}"), 1)
}

/// As hyper hands it on: a part of what was read, with the head before it.
fn request(n: usize) -> Request<Full<Bytes>> {
    let body = body(n);
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    let mac = mac.chain_update(&body).finalize().into_bytes();
    let signature: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut read = BytesMut::from(format!("head{body}").as_bytes());
    drop(read.split_to(4));
    Request::post("/webhooks/apideck")
        .header("content-type", "application/json")
        .header("x-apideck-event-type", "vault.connection.callable")
        .header("x-apideck-signature", signature)
        .header(
            "x-apideck-idempotency-key",
            format!("9755c355-56c3-4a2f-a2da-86ff{n:08}"),
        )
        .body(Full::new(read.freeze()))
        .expect("a request")
}

const EXPECTED: u64 = 20;

#[test]
fn a_delivery_allocates_so_often() {
    let hooks = Hooks::builder(router![handler, ..]).secret(SECRET);
    let hooks = hooks.build().expect("hooks");
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut counts = Vec::new();
    for n in 0..5000 {
        let request = request(n);
        let mut answer = None;
        let counted = measure(|| answer = Some(runtime.block_on(hooks.call(request))));
        let answer = answer.expect("an answer").expect("no error");
        assert_eq!(answer.status(), StatusCode::OK);
        counts.push(counted.count_total);
    }
    counts.sort_unstable();
    assert_eq!(counts[counts.len() / 2], EXPECTED);
    let most = counts[counts.len() - 1];
    assert!(most <= 2 * EXPECTED, "{most}");
}
