//! `examples/observability`: its page of metrics after one delivery of each outcome.

use apideck_hooks::Metrics;
use apideck_hooks::observe::{IncidentKind, StoreOperation, StoreResult};
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::delivery::{Delivery, Encoding, encode, mac};
use apideck_hooks_tests::directory::file_of_this_thread;
use apideck_hooks_tests::fixtures;
use apideck_hooks_tests::scrape::Scrape;
use apideck_hooks_tests::waiting::until;
use http::Method;
use std::net::SocketAddr;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::Command;

const CALLABLE: &str = "vault.connection.callable";
const DISABLED: &str = "vault.connection.disabled";

fn signed(mut delivery: Delivery, encoding: Encoding) -> Delivery {
    delivery.path = "/webhooks/apideck".to_owned();
    let signature = encode(&mac("demo-key", &delivery.body), encoding);
    delivery.signature(&signature)
}

fn event(event_type: &str, id: &str) -> Delivery {
    signed(Delivery::event(event_type, id), Encoding::Hex)
}

async fn scrape(addr: SocketAddr) -> Scrape {
    let mut page = Delivery::of("");
    page.method = Method::GET;
    page.path = "/metrics".to_owned();
    let reply = page.send(addr).await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.headers["content-type"]
            .to_str()
            .expect("text")
            .starts_with("text/plain")
    );
    Scrape::read(std::str::from_utf8(&reply.body).expect("text"))
}

/// A seventh attempt.
fn late(event_type: &str, id: &str) -> Delivery {
    let body = fixtures::body(event_type, id);
    let body = body.replace("\"execution_attempt\":1", "\"execution_attempt\":7");
    signed(Delivery::of(body), Encoding::Hex)
}

/// Deliveries of each outcome that can be sent, and the status of its response.
fn deliveries() -> Vec<(Delivery, u16)> {
    let large = signed(Delivery::of(vec![b' '; (1 << 20) + 1]), Encoding::Hex);
    let get = Delivery {
        method: Method::GET,
        ..event(CALLABLE, "e1")
    };
    vec![
        (event(CALLABLE, "e1"), 200),
        (event(CALLABLE, "e1"), 200),
        (signed(Delivery::event(CALLABLE, "e2"), Encoding::Base64), 200),
        (event("vault.connection.updated", "e3"), 200),
        (event("vault.connection.created", "e4"), 200),
        (event(DISABLED, "e5"), 500),
        (event(DISABLED, "e5"), 503),
        (late(DISABLED, "e6"), 500),
        (event("vault.connection.revoked", "e7"), 503),
        (event("vault.connection.deleted", "e8"), 200),
        (event("crm.lead.created", "e9"), 200),
        (event("crm.lead.imagined", "e10"), 200),
        (signed(Delivery::of("[]"), Encoding::Hex), 200),
        (get, 405),
        (event(CALLABLE, "e1").signature(&"0".repeat(64)), 401),
        (large, 413),
        (
            event(CALLABLE, "e1").header("x-apideck-event-type", "crm.lead.created"),
            400,
        ),
    ]
}

/// Sends the head of a delivery and a part of its body, and leaves.
async fn leave(addr: SocketAddr) {
    let delivery = event(CALLABLE, "e1");
    let signature = delivery.headers["x-apideck-signature"].to_str().expect("text");
    let head = format!(
        "POST /webhooks/apideck HTTP/1.1\r\nhost: localhost\r\nx-apideck-signature: {signature}\r\n\
         content-length: 100\r\n\r\n{{"
    );
    let mut stream = TcpStream::connect(addr).await.expect("a connection");
    stream.write_all(head.as_bytes()).await.expect("a head");
}

/// The name of a sample, some of its labels, and its value.
type Row = (&'static str, &'static [(&'static str, &'static str)], f64);

/// The samples of the page after `deliveries`, with their labels and values.
const SAMPLES: &[Row] = &[
    (
        "deliveries_total",
        &[("outcome", "handled"), ("event", CALLABLE)],
        2.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "handled"), ("event", "vault.connection.updated")],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "duplicate"), ("event", CALLABLE)],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "ignored"), ("event", "vault.connection.created")],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "failed"), ("event", DISABLED)],
        2.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "resting"), ("event", DISABLED)],
        1.0,
    ),
    (
        "deliveries_total",
        &[
            ("outcome", "asked_for_later"),
            ("event", "vault.connection.revoked"),
        ],
        1.0,
    ),
    (
        "deliveries_total",
        &[
            ("outcome", "dead_lettered"),
            ("event", "vault.connection.deleted"),
        ],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "no_handler"), ("event", "crm.lead.created")],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "no_handler"), ("event", "other")],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "no_handler"), ("event", "none")],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "wrong_method"), ("event", "none")],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "unauthorized"), ("event", "none")],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "too_large"), ("event", "none")],
        1.0,
    ),
    (
        "deliveries_total",
        &[("outcome", "contradiction"), ("event", CALLABLE)],
        1.0,
    ),
    ("deliveries_total", &[], 18.0),
    ("delivery_duration_seconds_count", &[("outcome", "handled")], 3.0),
    (
        "delivery_duration_seconds_bucket",
        &[("outcome", "handled"), ("le", "+Inf")],
        3.0,
    ),
    ("event_age_seconds_count", &[("outcome", "failed")], 2.0),
    (
        "event_age_seconds_bucket",
        &[("outcome", "failed"), ("le", "86400")],
        0.0,
    ),
    (
        "verified_total",
        &[("form", "raw"), ("encoding", "hex"), ("secret", "0")],
        13.0,
    ),
    (
        "verified_total",
        &[("form", "raw"), ("encoding", "base64"), ("secret", "0")],
        1.0,
    ),
    ("verified_total", &[("form", "sorted")], 0.0),
    ("late_attempts_total", &[], 1.0),
    (
        "runs_total",
        &[("handler", "handlers::start_sync"), ("outcome", "handled")],
        2.0,
    ),
    (
        "runs_total",
        &[("handler", "handlers::disabled"), ("outcome", "failed")],
        2.0,
    ),
    ("runs_total", &[("outcome", "ignored")], 1.0),
    ("runs_total", &[("outcome", "dead_lettered")], 1.0),
    (
        "run_duration_seconds_count",
        &[("handler", "handlers::start_sync")],
        2.0,
    ),
    (
        "store_calls_total",
        &[("operation", "claim"), ("result", "ok")],
        10.0,
    ),
    (
        "store_calls_total",
        &[("operation", "claim"), ("result", "timed_out")],
        0.0,
    ),
    (
        "store_call_duration_seconds_count",
        &[("operation", "finish")],
        8.0,
    ),
    ("incidents_total", &[("kind", "dead_letters")], 1.0),
    ("incidents_total", &[("kind", "panics")], 0.0),
    ("dead_letters_total", &[], 1.0),
    ("dead_letters_waiting", &[], 1.0),
    ("in_flight", &[], 0.0),
    ("waiting", &[], 0.0),
    ("ready", &[], 1.0),
];

#[tokio::test]
async fn the_page_has_every_metric_and_label() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-observability"));
    command.env("DATABASE", file_of_this_thread("hooks.db"));
    command.env("RUST_LOG", "info,apideck_hooks=debug");
    let mut receiver = Receiver::of(command).await;
    let before = scrape(receiver.addr).await;
    before.has_only(Metrics::TABLE);
    for (delivery, status) in deliveries() {
        let reply = delivery.send(receiver.addr).await;
        assert_eq!(reply.status, status, "{delivery:?}");
    }
    leave(receiver.addr).await;
    let page = async || scrape(receiver.addr).await;
    until("the client that left is counted", async || {
        page().await.sum("apideck_hooks_deliveries_total", &[]) == Some(18.0)
    })
    .await;
    let after = page().await;
    after.has_only(Metrics::TABLE);
    for metric in Metrics::TABLE {
        after.has(metric);
    }
    for (name, labels, value) in SAMPLES {
        let found = after.sum(&format!("apideck_hooks_{name}"), labels);
        assert_eq!(found, Some(*value), "{name} {labels:?}");
    }
    let labels = |metric: &str, label| after.values(&format!("apideck_hooks_{metric}"), label).len();
    assert_eq!(labels("incidents_total", "kind"), IncidentKind::ALL.len());
    assert_eq!(
        labels("store_calls_total", "operation"),
        StoreOperation::ALL.len()
    );
    assert_eq!(labels("store_calls_total", "result"), StoreResult::ALL.len());
    let buckets = |metric: &str| labels(metric, "le") - 1;
    assert_eq!(
        buckets("run_duration_seconds_bucket"),
        Metrics::DURATION_BUCKETS.len()
    );
    assert_eq!(buckets("event_age_seconds_bucket"), Metrics::AGE_BUCKETS.len());
    receiver.signal("TERM").await;
    receiver.line("stopped").await;
    assert!(receiver.wait().await.success());
}
