//! The plain door: headers and a body in, a reply out.

use super::EVENT;
use apideck_hooks::{Hooks, Reply};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::{Probe, Step};
use bytes::Bytes;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

fn headers(delivery: &Delivery) -> Vec<(Vec<u8>, Vec<u8>)> {
    let headers = delivery.headers.iter();
    headers
        .map(|(name, value)| {
            (
                name.as_str().to_uppercase().into_bytes(),
                value.as_bytes().to_vec(),
            )
        })
        .collect()
}

async fn handle(hooks: &Hooks, delivery: &Delivery) -> Reply {
    hooks.handle(headers(delivery), delivery.body.clone()).await
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let found = reply.headers.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn a_reply_is_the_response_of_the_service() {
    let probe = Probe::default();
    let hooks = probe.hooks().body_limit(1000).build().unwrap();
    let event = Delivery::event(EVENT, "e1");
    let reply = handle(&hooks, &event).await;
    assert_eq!(
        (reply.status, &reply.body[..]),
        (200, &br#"{"status":"handled"}"#[..])
    );
    assert_eq!(header(&reply, "content-type"), Some("application/json"));
    for delivery in [
        event.clone(),
        event.clone().signature("00"),
        Delivery::of(vec![b' '; 1001]),
        event.header("x-apideck-event-type", "crm.lead.created"),
    ] {
        let response = delivery.call(&hooks).await;
        let reply = handle(&hooks, &delivery).await;
        assert_eq!((reply.status, &reply.body), (response.status, &response.body));
        for (name, value) in &response.headers {
            assert_eq!(header(&reply, name.as_str()), Some(value.to_str().unwrap()));
        }
        assert_eq!(reply.headers.len(), response.headers.len());
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test]
async fn headers_that_http_does_not_allow_are_left_out() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let mut headers = headers(&delivery);
    headers.insert(0, (b"a name".to_vec(), b"value".to_vec()));
    headers.insert(0, (b"x-other".to_vec(), b"a\nb".to_vec()));
    assert_eq!(hooks.handle(headers, delivery.body).await.status, 200);
    // As many headers as a map can hold and more.
    let many = (0..100_000).map(|n| (format!("x-{n}"), ""));
    assert_eq!(hooks.handle(many, Bytes::new()).await.status, 401);
    assert_eq!(probe.count(), 1);
}

#[tokio::test]
async fn a_run_goes_on_when_its_reply_is_dropped() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    {
        let mut reply = pin!(handle(&hooks, &delivery));
        let first = poll_fn(|cx| Poll::Ready(reply.as_mut().poll(cx))).await;
        assert!(first.is_pending());
    }
    probe.open();
    probe.ended().await;
    assert_eq!(
        handle(&hooks, &delivery).await.body,
        &br#"{"status":"duplicate"}"#[..]
    );
}
