//! Heads of requests that do not end, and idle connections.

use super::{EVENT, head, read_all};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::server;
use apideck_hooks_tests::waiting::ends;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const HALF_A_HEAD: &[u8] = b"POST / HTTP/1.1\r\nhost: local";

/// A time limit for heads that a test can wait for.
const SHORT: Duration = Duration::from_millis(200);

/// The bytes of a delivery, after which the connection is closed.
fn bytes_of(delivery: &Delivery) -> Vec<u8> {
    let length = delivery.body.len();
    let head = format!("{}content-length: {length}\r\n\r\n", head(delivery, "1.1"));
    [head.as_bytes(), &delivery.body].concat()
}

async fn connect(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Waits until the server has closed the connection.
async fn closed(mut stream: TcpStream) {
    let read = async { stream.read_to_end(&mut Vec::new()).await };
    // A reset closes it, too.
    let _ = ends("the connection is closed", read).await;
}

/// Connects before the server begins, so that no byte of the genuine request is late.
async fn waiting_connections() -> (TcpListener, [TcpStream; 3]) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let slow = connect(addr, HALF_A_HEAD).await;
    let idle = connect(addr, b"").await;
    let genuine = connect(addr, &bytes_of(&Delivery::event(EVENT, "e1"))).await;
    (listener, [slow, idle, genuine])
}

#[tokio::test]
async fn the_server_of_this_crate_closes_slow_and_idle_connections() {
    let hooks = Probe::default().hooks().build().unwrap();
    let (listener, [slow, idle, mut genuine]) = waiting_connections().await;
    let server = hooks.serve(listener).path("/").head_deadline(SHORT);
    // The genuine request is served when one of the other connections has ended.
    tokio::spawn(server.max_connections(2).into_future());
    let answer = ends("an answer", read_all(&mut genuine)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    closed(slow).await;
    closed(idle).await;
}

#[tokio::test]
async fn axum_with_a_timer_closes_slow_and_idle_connections() {
    let hooks = Probe::default().hooks().build().unwrap();
    let (listener, [slow, idle, mut genuine]) = waiting_connections().await;
    let app = axum::Router::new().route_service("/", hooks);
    server::axum_with_timer(listener, app, SHORT);
    let answer = ends("an answer", read_all(&mut genuine)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    closed(slow).await;
    closed(idle).await;
}

/// `Duration::MAX` is a common way to say "no limit".
#[tokio::test]
async fn the_server_of_this_crate_accepts_any_time_limit() {
    let hooks = Probe::default().hooks().build().unwrap();
    let (listener, [_slow, _idle, mut genuine]) = waiting_connections().await;
    let server = hooks.serve(listener).path("/").head_deadline(Duration::MAX);
    tokio::spawn(server.grace(Duration::MAX).into_future());
    let answer = ends("an answer", read_all(&mut genuine)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn the_server_of_this_crate_closes_a_connection_whose_responses_are_not_read() {
    let hooks = Probe::default().hooks().build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = connect(listener.local_addr().unwrap(), b"").await;
    let server = hooks.serve(listener).path("/").head_deadline(SHORT);
    tokio::spawn(server.into_future());
    let requests = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
    let write = async { while stream.write_all(&requests).await.is_ok() {} };
    ends("the connection is closed", write).await;
}

/// Connections within this process.
struct InProcess(mpsc::UnboundedReceiver<DuplexStream>);

impl axum::serve::Listener for InProcess {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(stream) => (stream, ()),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The README says so. If axum sets a limit one day, this test fails and the README can change.
#[tokio::test(start_paused = true)]
async fn plain_axum_waits_for_a_head_for_ever() {
    let hooks = Probe::default().hooks().build().unwrap();
    let (connections, listener) = mpsc::unbounded_channel();
    let app = axum::Router::new().route_service("/", hooks);
    tokio::spawn(async move { axum::serve(InProcess(listener), app).await });
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    connections.send(server).unwrap();
    let bytes = bytes_of(&Delivery::event(EVENT, "e1"));
    let (first, second) = bytes.split_at(30);
    client.write_all(first).await.unwrap();
    tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
    client.write_all(second).await.unwrap();
    let answer = read_all(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn the_server_of_this_crate_tells_if_it_takes_deliveries() {
    let hooks = Probe::default().hooks().build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = hooks.serve(listener).path("/").health("/health");
    tokio::spawn(server.into_future());
    let ask = async |method: &str, path: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        read_all(&mut connect(addr, request.as_bytes()).await).await
    };
    for (path, method, status) in [
        ("/health", "GET", "200"),
        ("/health", "HEAD", "200"),
        ("/health", "POST", "404"),
        ("/other", "GET", "404"),
        ("/", "GET", "405"),
    ] {
        let answer = ask(method, path).await;
        let expected = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(&expected), "{method} {path}: {answer}");
    }
    assert_eq!(hooks.shutdown(Duration::from_secs(10)).await.stopped, 0);
    let answer = ask("GET", "/health").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}
