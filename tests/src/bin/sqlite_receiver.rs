//! A receiver on SQLite for tests with kills.
//!
//! Its effects are lines in a file: `boot`, `start ID ATTEMPT` and `end ID ATTEMPT`. The event id
//! selects the behaviour of the handler: `flaky…` fails the first time, `bad…` fails permanently,
//! `stuck…` never ends, `fatal…` kills the process. One event has a handler with a transaction.
//!
//! `REST` set to `none` lets a failed event run again at once.

use apideck_hooks::events::AnyEvent;
use apideck_hooks::{Delivery, Failure, Hooks, Outcome, Permanent, Rest, SqliteStore, State, Tx, on, router};
use apideck_hooks_tests::waiting::GENEROUS;
use sqlx::Sqlite;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Appends a line in one write, so that no kill can cut it.
fn effect(mut file: &File, line: &str) {
    file.write_all(format!("{line}\n").as_bytes()).expect("an effect");
}

async fn run(delivery: &Delivery, effects: &File) -> Outcome {
    let id = delivery.event_id().unwrap_or_default();
    let attempt = delivery.attempt();
    effect(effects, &format!("start {id} {attempt}"));
    println!("started {id} {attempt}");
    if id.starts_with("stuck") {
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
    effect(effects, &format!("end {id} {attempt}"));
    Outcome::Done
}

#[on("*")]
async fn handle(_: AnyEvent, delivery: Delivery, State(effects): State<Arc<File>>) -> Outcome {
    run(&delivery, &effects).await
}

#[on("vault.connection.created")]
async fn in_transaction(delivery: Delivery, State(effects): State<Arc<File>>, _: Tx<Sqlite>) -> Outcome {
    run(&delivery, &effects).await
}

#[tokio::main]
async fn main() {
    let path = |name: &str| std::env::var_os(name).expect("its environment");
    let store = match SqliteStore::open(path("DATABASE")).await {
        Ok(store) => store,
        Err(error) => panic!("{error}"),
    };
    let effects = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path("EFFECTS"))
        .expect("a file");
    effect(&effects, "boot");
    let rest = match std::env::var("REST").as_deref() {
        Ok("none") => Rest::None,
        _ => Rest::Apideck,
    };
    let hooks = Hooks::builder(router![handle, in_transaction])
        .secret(apideck_hooks_tests::SECRET)
        .state(Arc::new(effects))
        .store(store)
        .rest(rest)
        // Longer than any test, so that no claim of a killed process ends by its lease.
        .lease(Duration::from_secs(24 * 60 * 60))
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
