//! Refused bodies on HTTP/2, where one connection has many requests.

use super::EVENT;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::server;
use apideck_hooks_tests::waiting::ends;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{iter, pending};
use http::{Request, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpStream;

const MIB: usize = 1024 * 1024;

type Body = UnsyncBoxBody<Bytes, Infallible>;

async fn connect(addr: SocketAddr) -> SendRequest<Body> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// A body of this length that does not end.
fn without_end(length: usize) -> Body {
    let chunk = || Ok(Frame::data(Bytes::from(vec![b' '; 64 * 1024])));
    let chunks = iter((0..length / (64 * 1024)).map(move |_| chunk()));
    StreamBody::new(chunks.chain(pending())).boxed_unsync()
}

fn request(delivery: &Delivery, body: Body) -> Request<Body> {
    let mut request = delivery.request().map(|_| body);
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = "http://localhost/".parse().unwrap();
    request
}

/// Sends a request and returns the status and the body of the response.
async fn send(sender: &mut SendRequest<Body>, request: Request<Body>) -> (u16, String) {
    sender.ready().await.unwrap();
    let response = ends("a response", sender.send_request(request)).await.unwrap();
    assert!(!response.headers().contains_key("connection"));
    let status = response.status().as_u16();
    let body = ends("its end", response.into_body().collect()).await.unwrap();
    (status, String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

async fn send_genuine(sender: &mut SendRequest<Body>, delivery: &Delivery) -> u16 {
    let body = delivery.request().into_body().boxed_unsync();
    send(sender, request(delivery, body)).await.0
}

#[tokio::test]
async fn a_refused_body_leaves_its_connection_to_other_requests() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let mut sender = connect(server::http2(hooks.clone()).await).await;
    let forged = Delivery::of("").signature(&"0".repeat(64));
    let unsigned = Delivery::of("").without("x-apideck-signature");
    // More than a connection's window, and all of them unread.
    for round in 0..4 {
        for (delivery, status) in [(&forged, 413), (&unsigned, 401)] {
            let declared = delivery.clone().header("content-length", &(3 * MIB).to_string());
            for delivery in [delivery, &declared] {
                let (answer, body) = send(&mut sender, request(delivery, without_end(3 * MIB))).await;
                assert_eq!(answer, status, "{body}");
                assert!(body.contains(&format!("\"status\":{status}")), "{body}");
            }
        }
        let genuine = Delivery::event(EVENT, &format!("e{round}"));
        assert_eq!(send_genuine(&mut sender, &genuine).await, 200);
    }
    let large = Delivery::of(vec![b' '; MIB]);
    assert_eq!(send_genuine(&mut sender, &large).await, 200);
    let stats = hooks.stats();
    assert_eq!((stats.too_large, stats.unauthorized), (8, 8));
    assert_eq!(probe.count(), 5);
}

#[tokio::test]
async fn a_body_that_does_not_end_leaves_its_connection_to_other_requests() {
    let hooks = Probe::default().hooks().build().unwrap();
    let mut sender = connect(server::http2(hooks.clone()).await).await;
    let forged = Delivery::of("").signature(&"0".repeat(64));
    let mut slow = Vec::new();
    for _ in 0..8 {
        sender.ready().await.unwrap();
        slow.push(sender.send_request(request(&forged, without_end(MIB / 2))));
    }
    for n in 0..8 {
        let genuine = Delivery::event(EVENT, &format!("e{n}"));
        assert_eq!(send_genuine(&mut sender, &genuine).await, 200);
    }
    let large = Delivery::of(vec![b' '; MIB]);
    assert_eq!(send_genuine(&mut sender, &large).await, 200);
    // The slow ones were there all the time, and none was answered.
    assert_eq!((hooks.stats().requests, hooks.stats().unauthorized), (9, 0));
    drop(slow);
}
