//! The console as a service: the bodies of changes, the page's files, and hyper without a router.

use super::{Site, request};
use apideck_hooks::console::Console;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::waiting::ends;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_body_is_bounded() {
    let site = Site::new(Console::unprotected().allow_changes(), []).await;
    let long = format!("{{\"event\":\"{}\"}}", "x".repeat(5000));
    assert_eq!(site.post("dead-letters/purge", &long).await.status, 413);
    let huge = "x".repeat(2 << 20);
    assert_eq!(site.post("dead-letters/purge", &huge).await.status, 413);
    // A body that nobody asked for is thrown away.
    let get = Delivery {
        body: huge.into(),
        ..request(Method::GET, "/hooks/api/overview")
    };
    assert_eq!(get.send(site.addr).await.status, 200);
    for body in [
        "",
        "[]",
        "x",
        "{\"evnt\":\"a\"}",
        "{\"at_most\":1001}",
        "{\"at_most\":-1}",
        "{\"dry_run\":1}",
        "{\"event\":\"*.a\"}",
    ] {
        let reply = site.post("dead-letters/purge", body).await;
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
    }
    for body in ["", "[]", "{\"event\":\"a\"}"] {
        let path = "dead-letters/00000000000000000000000000000000/purge";
        assert_eq!(site.post(path, body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_long_body_of_unknown_length_is_refused() {
    let hooks = Probe::new([]).hooks().build().expect("a receiver");
    let mut service = Console::unprotected().allow_changes().serve(&hooks);
    let chunk = || Ok::<_, std::io::Error>(hyper::body::Frame::data(bytes::Bytes::from(vec![b' '; 3000])));
    let chunks = http_body_util::StreamBody::new(futures_util::stream::iter([chunk(), chunk()]));
    let request = Request::post("http://localhost/api/dead-letters/purge");
    let request = request
        .header("content-type", "application/json")
        .body(chunks)
        .expect("a request");
    let response = tower_service::Service::call(&mut service, request).await;
    assert_eq!(response.expect("infallible").status(), 413);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_given_up() {
    let hooks = Probe::new([]).hooks().build().expect("a receiver");
    let mut service = Console::unprotected().allow_changes().serve(&hooks);
    let never = http_body_util::StreamBody::new(futures_util::stream::pending::<
        Result<hyper::body::Frame<bytes::Bytes>, std::io::Error>,
    >());
    let request =
        Request::post("http://localhost/api/dead-letters/purge").header("content-type", "application/json");
    let response = tower_service::Service::call(&mut service, request.body(never).expect("a request")).await;
    assert_eq!(response.expect("infallible").status(), 408);
}

/// A script of the page is found with and without a slash at the end of its address.
#[tokio::test]
async fn files_are_found_from_both_addresses() {
    let site = Site::new(Console::unprotected(), []).await;
    for base in ["/hooks", "/hooks/"] {
        let page = site.get(base).await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        for (query, kind) in [("?console.js", "text/javascript"), ("?console.css", "text/css")] {
            assert!(String::from_utf8_lossy(&page.body).contains(query));
            let file = site.get(&format!("{base}{query}")).await;
            assert!(
                file.headers["content-type"]
                    .to_str()
                    .is_ok_and(|found| found.starts_with(kind))
            );
            assert!(!file.body.is_empty());
        }
    }
    let head = request(Method::HEAD, "/hooks/api/overview").send(site.addr).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for path in [
        "/hooks/%2e%2e/console.js",
        "/hooks/../Cargo.toml",
        "/hooks/console.js/x",
        "/hooks/static/console.js",
    ] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
    assert_eq!(
        site.get("/hooks?../../Cargo.toml").await.body,
        site.get("/hooks").await.body
    );
}

/// Without axum, at the root of a hyper server.
#[tokio::test]
async fn a_console_is_a_service_of_hyper() {
    let hooks = Probe::new([]).hooks().build().expect("a receiver");
    let service = Console::unprotected().serve(&hooks);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
    let reply = request(Method::GET, "/api/overview").send(addr).await;
    assert_eq!(reply.json()["observing"], false);
    let mut stream = TcpStream::connect(addr).await.expect("a connection");
    let head = "GET /api/overview HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("a head");
    let mut text = String::new();
    ends("the response", stream.read_to_string(&mut text))
        .await
        .expect("a response");
    assert!(text.starts_with("HTTP/1.1 403 "), "{text}");
    let full = Request::get("http://localhost/")
        .body(Full::new(bytes::Bytes::new()))
        .expect("a request");
    let service = Console::unprotected().serve(&hooks);
    let page = hyper::service::Service::call(&service, full)
        .await
        .expect("infallible");
    assert!(
        page.into_body()
            .collect()
            .await
            .expect("infallible")
            .to_bytes()
            .starts_with(b"<!doctype html>")
    );
}
