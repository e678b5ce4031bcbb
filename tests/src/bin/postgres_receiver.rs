//! A receiver on PostgreSQL for tests with kills.
//!
//! Its effects are lines in a file: `start ID ATTEMPT` and `end ID ATTEMPT`. The event id selects
//! the behaviour of the handler: `flaky…` fails the first time, `bad…` fails permanently, `stuck…`
//! does not end on its first attempt, `fatal…` kills the process.

use apideck_hooks::events::AnyEvent;
use apideck_hooks::{Delivery, Failure, Hooks, Outcome, Permanent, PostgresStore, Rest, State, on, router};
use apideck_hooks_tests::postgres;
use apideck_hooks_tests::waiting::GENEROUS;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Appends a line in one write, so that no kill can cut it and no other process can write in
/// between.
fn effect(mut file: &File, line: &str) {
    file.write_all(format!("{line}\n").as_bytes()).expect("an effect");
}

#[on("*")]
async fn handle(_: AnyEvent, delivery: Delivery, State(effects): State<Arc<File>>) -> Outcome {
    let id = delivery.event_id().unwrap_or_default();
    let attempt = delivery.attempt();
    effect(&effects, &format!("start {id} {attempt}"));
    println!("started {id} {attempt}");
    if id.starts_with("stuck") && attempt == 1 {
        std::future::pending::<()>().await;
    }
    if id.starts_with("fatal") {
        std::process::abort();
    }
    // Long enough for a kill in the middle.
    tokio::time::sleep(Duration::from_millis(2)).await;
    if id.starts_with("flaky") && attempt == 1 {
        return Failure::retry("the first time").into();
    }
    if id.starts_with("bad") {
        return Failure::from(Permanent("no use")).into();
    }
    effect(&effects, &format!("end {id} {attempt}"));
    Outcome::Done
}

#[tokio::main]
async fn main() {
    let variable = |name: &str| std::env::var(name).expect("its environment");
    let store = PostgresStore::builder(postgres::pool(postgres::options(), 8))
        .schema(variable("SCHEMA"))
        .connections(8)
        .build()
        .expect("a good name");
    store.migrate().await.expect("a migration");
    let effects = OpenOptions::new()
        .create(true)
        .append(true)
        .open(variable("EFFECTS"))
        .expect("a file");
    let lease = variable("LEASE_MS").parse().expect("milliseconds");
    let hooks = Hooks::builder(router![handle])
        .secret(apideck_hooks_tests::SECRET)
        .state(Arc::new(effects))
        .source("test")
        .rest(Rest::None)
        .store(store)
        .lease(Duration::from_millis(lease))
        .duplicate_wait(Duration::from_millis(200))
        .store_timeout(GENEROUS)
        .build()
        .expect("a receiver");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    println!(
        "listening on http://{}/",
        listener.local_addr().expect("an address")
    );
    axum::serve(listener, axum::Router::new().route_service("/", hooks))
        .await
        .expect("no end");
}
