//! Requests that strangers send to take memory, connections or disk: what each of them can cost.

use super::{EVENT, read_all};
use apideck_hooks::events::AnyEvent;
use apideck_hooks::{Failure, Hooks, Rest, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::server;
use apideck_hooks_tests::waiting::until;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::Frame;
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MIB: usize = 1024 * 1024;

/// A header that looks like a signature.
fn forged() -> String {
    format!("x-apideck-signature: {}\r\n", "0".repeat(64))
}

/// Both ways in which a body tells its length.
const FRAMINGS: [&str; 2] = ["content-length: 3145728", "transfer-encoding: chunked"];

async fn send_slowly(addr: SocketAddr, head: &str, chunked: bool, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let size = 64 * 1024;
    for _ in 0..bytes / size {
        if chunked {
            stream.write_all(b"10000\r\n").await.unwrap();
        }
        stream.write_all(&vec![b'x'; size]).await.unwrap();
        if chunked {
            stream.write_all(b"\r\n").await.unwrap();
        }
    }
    stream
}

#[tokio::test]
async fn an_unsigned_body_is_never_invited() {
    let hooks = Probe::default().hooks().build().unwrap();
    let addr = server::hyper(hooks.clone()).await;
    for signature in [String::new(), "x-apideck-signature: sha256=00\r\n".to_owned()] {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 1000\r\n{signature}\r\n"
        );
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(answer.contains("\r\nwww-authenticate: "), "{answer}");
    }
    // A signature that could be genuine is worth the body.
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 2\r\n{}\r\n",
        forged()
    );
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
}

#[tokio::test]
async fn a_sender_can_read_the_refusal_of_a_body_that_it_has_sent() {
    let hooks = Probe::default().hooks().build().unwrap();
    let addr = server::hyper(hooks.clone()).await;
    for (framing, chunked) in FRAMINGS.into_iter().zip([false, true]) {
        for (signature, status) in [(forged(), "413"), (String::new(), "401")] {
            let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n{signature}\r\n");
            let mut stream = send_slowly(addr, &head, chunked, 3 * MIB).await;
            if chunked {
                stream.write_all(b"0\r\n\r\n").await.unwrap();
            }
            let mut answer = vec![0; 12];
            stream.read_exact(&mut answer).await.expect("no reset");
            assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes(), "{framing}");
            if status == "413" {
                let rest = read_all(&mut stream).await;
                assert!(rest.contains("\r\nconnection: close\r\n"), "{rest}");
            }
        }
    }
    assert_eq!((hooks.stats().too_large, hooks.stats().unauthorized), (2, 2));
}

#[tokio::test]
async fn a_body_without_an_end_is_not_read_for_ever() {
    let hooks = Probe::default().hooks().build().unwrap();
    let addr = server::hyper(hooks).await;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n{}\r\n",
        forged()
    );
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"100000\r\n".to_vec(), vec![b'x'; MIB], b"\r\n".to_vec()].concat();
    // The server closes the connection, so a write fails in the end.
    until("the connection is closed", async || {
        stream.write_all(&chunk).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn slow_bodies_have_a_budget_and_others_go_on() {
    let hooks = Probe::default().hooks();
    let hooks = hooks.body_budget(8 * MIB).max_in_flight(1).build().unwrap();
    let addr = server::hyper(hooks.clone()).await;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {MIB}\r\n{}\r\n",
        forged()
    );
    let mut strangers = Vec::new();
    for _ in 0..40 {
        // All but the end of the body.
        strangers.push(send_slowly(addr, &head, false, MIB - 1).await);
    }
    until("most of them are cut", async || hooks.stats().over_budget >= 31).await;
    let genuine = Delivery::event(EVENT, "e1").send(addr).await;
    assert_eq!(genuine.word(), "handled");
    let genuine = Delivery::of(vec![b' '; MIB]).send(addr).await;
    assert_eq!(genuine.status, 200);
    let answer = read_all(&mut strangers[0]).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
}

#[tokio::test]
async fn a_layer_that_limits_the_body_is_413() {
    let hooks = Probe::default().hooks().build().unwrap();
    let delivery = Delivery::of(vec![b' '; 2000]);
    let chunks = [Ok::<_, Infallible>(Frame::data(delivery.body.clone()))];
    let body = Limited::new(StreamBody::new(futures_util::stream::iter(chunks)), 1000);
    let response = hyper::service::Service::call(&hooks, delivery.request().map(|_| body));
    assert_eq!(response.await.unwrap().status(), 413);
    assert_eq!(hooks.stats().too_large, 1);
}

#[tokio::test]
async fn head_has_no_content_in_any_version() {
    let hooks = Probe::default().hooks().build().unwrap();
    for version in [http::Version::HTTP_11, http::Version::HTTP_2] {
        for method in [http::Method::HEAD, http::Method::GET] {
            let mut request = http::Request::new(Full::<Bytes>::default());
            *request.version_mut() = version;
            *request.method_mut() = method.clone();
            let response = hyper::service::Service::call(&hooks, request).await.unwrap();
            assert_eq!(response.status(), 405);
            let content = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(content.is_empty(), method == http::Method::HEAD);
        }
    }
}

/// Refusals cost a stranger nothing, so they must not fill the disk.
#[tokio::test]
async fn refusals_write_at_most_one_line_a_second() {
    let (log, _guard) = Log::capture();
    let hooks = Probe::default().hooks().build().unwrap();
    let before = log.lines().len();
    let unsigned = Delivery::of("{}").without("x-apideck-signature");
    let forged = Delivery::of("{}").signature(&"0".repeat(64));
    let too_large = Delivery::of(vec![b' '; MIB + 1]);
    let started = std::time::Instant::now();
    for _ in 0..200 {
        for delivery in [&unsigned, &forged, &too_large] {
            assert!(delivery.call(&hooks).await.status >= 400);
        }
    }
    let most = 1 + usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
    let lines = log.lines().split_off(before);
    assert!((1..=most).contains(&lines.len()), "{lines:#?}");
    let stats = hooks.stats();
    assert_eq!(
        (stats.unauthorized, stats.too_large, stats.requests),
        (400, 200, 600)
    );
    // The next line tells how many were omitted.
    until("a second has passed", async || {
        forged.call(&hooks).await;
        log.lines().len() > before + lines.len()
    })
    .await;
    let last = log.lines().pop().unwrap();
    assert!(last.contains("omitted=") && !last.contains("omitted=0"), "{last}");
}

/// Without a word in the log an operator could not find the cause.
#[tokio::test]
async fn a_body_that_is_refused_leaves_a_line_and_a_count() {
    let (log, _guard) = Log::capture();
    let hooks = Probe::default().hooks().body_limit(1000).build().unwrap();
    assert_eq!(Delivery::of(vec![b' '; 1001]).call(&hooks).await.status, 413);
    let lines = log.lines();
    assert!(
        lines
            .iter()
            .any(|line| line.contains("`body_limit` (1000 bytes)")),
        "{lines:#?}"
    );
    assert_eq!(hooks.stats().too_large, 1);
}

/// A header that names an event beside a body that is none: the event may have been lost before it
/// was signed.
#[tokio::test]
async fn a_named_event_without_a_body_of_one_is_reported() {
    for body in [
        &br#"{"payload":{"event_type":"vault.connection.callable","entity":{"metadata":{"rate":NaN}}}}"#[..],
        br#"{"payload":{"event_type":"vault.connection.callable","event_id":"b-2"}"#,
        b"payload=%7B%22event_type%22%3A%22vault.connection.callable%22%7D",
        b"",
    ] {
        let (log, _guard) = Log::capture();
        let probe = Probe::default();
        let hooks = probe.hooks().build().unwrap();
        let delivery = Delivery::of(Bytes::from_static(body));
        assert_eq!(delivery.call(&hooks).await.status, 200);
        assert_eq!(hooks.stats().unnamed, 0);
        delivery.header("x-apideck-event-type", EVENT).call(&hooks).await;
        assert_eq!(hooks.stats().unnamed, 1);
        let lines = log.lines();
        let warned = lines
            .iter()
            .any(|line| line.contains("WARN") && line.contains(EVENT));
        assert!(warned, "{lines:#?}");
    }
}

/// Of several slow handlers an operator must be able to tell which one it was.
#[tokio::test]
async fn warnings_of_a_delivery_name_its_event_and_its_handler() {
    let (log, _guard) = Log::capture();
    let probe = Probe::new([apideck_hooks_tests::probe::Step::Gate(Box::new(
        apideck_hooks_tests::probe::Step::Succeed,
    ))]);
    let hooks = probe.hooks();
    let hooks = hooks
        .response_deadline(std::time::Duration::from_millis(50))
        .build()
        .unwrap();
    let delivery = Delivery::event(EVENT, "e1").header("x-apideck-idempotency-key", "a b");
    assert_eq!(delivery.call(&hooks).await.status, 503);
    probe.open();
    for part in ["response deadline", "idempotency key"] {
        let lines = log.lines();
        let line = lines.iter().find(|line| line.contains(part)).expect(part);
        assert!(
            line.contains(EVENT) && line.contains("e1") && line.contains("handler="),
            "{line}"
        );
    }
}

#[on("*")]
async fn forging(_: AnyEvent) -> Result<(), Failure> {
    Err(Failure::retry("x\n2026-11-28T00:00:00Z  INFO delivery: handled"))
}

#[tokio::test]
async fn a_text_of_a_handler_stays_on_its_line() {
    let (log, _guard) = Log::capture();
    let hooks = Hooks::builder(router![forging])
        .secret(SECRET)
        .max_attempts(2)
        .rest(Rest::None);
    let hooks = hooks.build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    assert_eq!(delivery.call(&hooks).await.status, 500);
    assert_eq!(delivery.call(&hooks).await.status, 422);
    let lines = log.lines();
    assert_eq!(log.count("x\\n2026"), 2, "{lines:#?}");
    assert!(
        !lines.iter().any(|line| line.starts_with("2026-11-28T00:00:00Z")),
        "{lines:#?}"
    );
}
