//! Methods, sizes, slow and odd requests.

use super::{EVENT, head};
use apideck_hooks::Hooks;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::server;
use http::Method;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A header that looks like a signature. Without one a request is refused before its body.
const FORGED: &str =
    "x-apideck-signature: 0000000000000000000000000000000000000000000000000000000000000000\r\n";

/// Serves a receiver with hyper, with axum's `route_service` and with its own server.
async fn mounts(hooks: &Hooks) -> [SocketAddr; 3] {
    [
        server::hyper(hooks.clone()).await,
        server::axum(axum::Router::new().route_service("/", hooks.clone())).await,
        server::own(hooks).await,
    ]
}

/// Sends the bytes of a request and reads the response up to the end of the connection.
async fn exchange(addr: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn every_mount_responds_alike() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    for (n, addr) in mounts(&hooks).await.into_iter().enumerate() {
        let delivery = Delivery::event(EVENT, &format!("e{n}"));
        let handled = delivery.send(addr).await;
        assert_eq!((handled.status, handled.word().as_str()), (200, "handled"));
        assert_eq!(handled.headers["content-type"], "application/json");
        assert_eq!(delivery.send(addr).await.word(), "duplicate");
        let forged = delivery.signature("00").send(addr).await;
        assert_eq!(forged.status, 401);
        assert_eq!(forged.headers["content-type"], "application/problem+json");
        for key in ["type", "title", "status", "detail"] {
            assert!(!forged.json()[key].is_null(), "{key}");
        }
    }
    assert_eq!(probe.count(), 3);
}

#[tokio::test]
async fn only_post_is_allowed() {
    let hooks = Probe::default().hooks().build().unwrap();
    for addr in mounts(&hooks).await {
        for method in [
            Method::GET,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::OPTIONS,
        ] {
            let mut delivery = Delivery::event(EVENT, "e1");
            delivery.method = method.clone();
            let reply = delivery.send(addr).await;
            assert_eq!(
                (reply.status, &reply.headers["allow"]),
                (405, &"POST".parse().unwrap()),
                "{method}"
            );
        }
        let head = exchange(
            addr,
            b"HEAD / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        )
        .await;
        assert!(head.starts_with("HTTP/1.1 405"), "{head}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_while_it_is_read() {
    let probe = Probe::default();
    let hooks = probe.hooks().body_limit(1000).build().unwrap();
    for addr in mounts(&hooks).await {
        let at_limit = Delivery::of(vec![b' '; 1000]);
        assert_eq!(at_limit.send(addr).await.status, 200);
        // With a length, before any byte of the body.
        let announced = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1001\r\n{FORGED}connection: close\r\n\r\n"
        );
        let announced = exchange(addr, announced.as_bytes());
        assert!(announced.await.starts_with("HTTP/1.1 413"));
        // Without a length, by the bytes so far and before the end of the request.
        let chunk = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n{FORGED}\r\n3e9\r\n{}\r\n",
            "x".repeat(1001)
        );
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(chunk.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 413");
        assert_alive(addr).await;
    }
}

async fn assert_alive(addr: SocketAddr) {
    assert_eq!(Delivery::event(EVENT, "alive").send(addr).await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_408() {
    let hooks = Probe::default()
        .hooks()
        .body_deadline(Duration::from_millis(100))
        .build()
        .unwrap();
    for addr in mounts(&hooks).await {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n{FORGED}\r\n12345");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
    }
}

#[tokio::test]
async fn chunked_bodies_and_http_1_0_are_accepted() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    for (n, addr) in mounts(&hooks).await.into_iter().enumerate() {
        let delivery = Delivery::event(EVENT, &format!("chunked-{n}"));
        let mut request = head(&delivery, "1.1").into_bytes();
        request.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
        for chunk in delivery.body.chunks(7) {
            request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\ntrailer: ignored\r\n\r\n");
        let answer = exchange(addr, &request).await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("handled"),
            "{answer}"
        );

        let delivery = Delivery::event(EVENT, &format!("old-{n}"));
        let mut request = head(&delivery, "1.0").into_bytes();
        request.extend_from_slice(format!("content-length: {}\r\n\r\n", delivery.body.len()).as_bytes());
        request.extend_from_slice(&delivery.body);
        let answer = exchange(addr, &request).await;
        assert!(
            answer.starts_with("HTTP/1.0 200") && answer.contains("handled"),
            "{answer}"
        );
    }
    assert_eq!(probe.count(), 6);
}

#[tokio::test]
async fn a_truncated_body_reaches_no_handler() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let addr = server::hyper(hooks.clone()).await;
    let delivery = Delivery::event(EVENT, "e1");
    let mut request = head(&delivery, "1.1").into_bytes();
    request.extend_from_slice(format!("content-length: {}\r\n\r\n", delivery.body.len()).as_bytes());
    request.extend_from_slice(&delivery.body[..delivery.body.len() - 1]);
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(&request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!((probe.count(), hooks.stats().runs), (0, 0));
    assert_alive(addr).await;
}

#[tokio::test]
async fn repeated_headers_are_never_guessed() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let addr = server::hyper(hooks.clone()).await;
    let event = |id: &str| Delivery::event(EVENT, id);
    // Apideck never sends two signatures, so two are refused even if both are genuine.
    let signature = event("e1").headers["x-apideck-signature"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        event("e1")
            .also("x-apideck-signature", &signature)
            .send(addr)
            .await
            .status,
        401
    );
    // The same event type twice is not a contradiction. Another event type is.
    assert_eq!(
        event("e1")
            .also("x-apideck-event-type", EVENT)
            .send(addr)
            .await
            .word(),
        "handled"
    );
    assert_eq!(
        event("e2")
            .also("x-apideck-event-type", "vault.connection.created")
            .send(addr)
            .await
            .status,
        400
    );
    assert_eq!(
        event("e3")
            .also("x-apideck-idempotency-key", "another")
            .send(addr)
            .await
            .word(),
        "handled"
    );
    assert_eq!(probe.count(), 2);
}

#[tokio::test]
async fn a_header_that_contradicts_the_signed_body_is_400() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let addr = server::hyper(hooks.clone()).await;
    for name in [
        "vault.connection.created",
        "VAULT.CONNECTION.CALLABLE",
        "vault.connection",
        "vault.connection.callable ",
        "*",
        "",
    ] {
        let mut delivery = Delivery::event(EVENT, "e1");
        delivery
            .headers
            .insert("x-apideck-event-type", name.parse().unwrap());
        // White space around a value is not a part of it (RFC 9110).
        let expected = if ["", "*", EVENT].contains(&name.trim()) {
            200
        } else {
            400
        };
        assert_eq!(delivery.send(addr).await.status, expected, "{name:?}");
    }
    assert_eq!(
        Delivery::event(EVENT, "e2")
            .without("x-apideck-event-type")
            .send(addr)
            .await
            .word(),
        "handled"
    );
    // A body without an event contradicts nothing. Apideck validates a new URL with such a body.
    let no_event = Delivery::of("{}").header("x-apideck-event-type", EVENT);
    assert_eq!(no_event.send(addr).await.status, 200);
}
