//! HTTP over sockets: odd requests, clients that disconnect, forged and malicious bodies.

mod bounds;
mod clients;
mod handle;
mod hostile;
mod log_bounds;
mod requests;

use apideck_hooks_tests::delivery::Delivery;

const EVENT: &str = "vault.connection.callable";

/// The head of a request without the length of its body.
fn head(delivery: &Delivery, version: &str) -> String {
    let mut head = format!("POST / HTTP/{version}\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in &delivery.headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head
}
