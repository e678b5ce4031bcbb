//! HTTP over sockets: odd requests, clients that disconnect, forged and malicious bodies.

mod bounds;
mod clients;
mod handle;
mod heads;
mod hostile;
mod http2;
mod log_bounds;
mod requests;

use apideck_hooks_tests::delivery::Delivery;
use tokio::io::{AsyncRead, AsyncReadExt};

const EVENT: &str = "vault.connection.callable";

/// The head of a request without the length of its body.
fn head(delivery: &Delivery, version: &str) -> String {
    let mut head = format!("POST / HTTP/{version}\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in &delivery.headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head
}

/// Reads up to the end of the connection. A reset is a failure.
async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("no reset");
    String::from_utf8_lossy(&answer).into_owned()
}
