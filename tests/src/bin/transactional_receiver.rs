//! A receiver for tests with kills. Its handler writes its effect in the transaction: in the file
//! `DATABASE`, or in the schema `SCHEMA` of PostgreSQL.
//!
//! The event id selects the behaviour of the handler: `before…` stops before the effect, `after…`
//! stops after it, `flaky…` fails the first time, `fatal…` kills the process after the effect.

use apideck_hooks::{Delivery, Failure, Hooks, HooksBuilder, Outcome, Routes, SqliteStore, Tx, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::postgres::options;
use apideck_hooks_tests::probe::patient;
use apideck_hooks_tests::transactional::{EFFECT, postgres_store};
use sqlx::{Postgres, Sqlite};
use std::env::var;
use std::future::pending;
use std::time::Duration;
use tokio::net::TcpListener;

/// Prints the place in the handler, and stops there if the event id says so.
async fn reach(place: &str, id: &str) {
    println!("{place} {id}");
    if id.starts_with(place) {
        pending::<()>().await;
    }
    if place == "after" && id.starts_with("fatal") {
        std::process::abort();
    }
}

fn end(id: &str, attempt: u32) -> Outcome {
    if id.starts_with("flaky") && attempt == 1 {
        Failure::retry("the first time").into()
    } else {
        Outcome::Done
    }
}

#[on("*")]
async fn in_postgres(delivery: Delivery, mut tx: Tx<Postgres>) -> Result<Outcome, sqlx::Error> {
    let (id, attempt) = (delivery.event_id().unwrap_or_default(), delivery.attempt());
    reach("before", id).await;
    let effect = sqlx::query(EFFECT).bind(id).bind(i64::from(attempt));
    effect.execute(&mut *tx).await?;
    reach("after", id).await;
    Ok(end(id, attempt))
}

#[on("*")]
async fn in_sqlite(delivery: Delivery, mut tx: Tx<Sqlite>) -> Result<Outcome, sqlx::Error> {
    let (id, attempt) = (delivery.event_id().unwrap_or_default(), delivery.attempt());
    reach("before", id).await;
    let effect = sqlx::query(EFFECT).bind(id).bind(i64::from(attempt));
    effect.execute(&mut *tx).await?;
    reach("after", id).await;
    Ok(end(id, attempt))
}

/// A patient receiver. `LEASE_MS` is the lease if it is not as long as any test.
fn receiver<R: Routes<S>, S>(hooks: HooksBuilder<R, S>) -> HooksBuilder<R, S> {
    let hooks = patient(hooks).secret(SECRET);
    match var("LEASE_MS") {
        Ok(lease) => hooks.lease(Duration::from_millis(lease.parse().expect("milliseconds"))),
        Err(_) => hooks,
    }
}

#[tokio::main]
async fn main() {
    let hooks = match var("SCHEMA") {
        Ok(schema) => {
            let store = postgres_store(&schema, options(), 8);
            receiver(Hooks::builder(router![in_postgres]))
                .store(store)
                .build()
        }
        Err(_) => {
            let file = var("DATABASE").expect("its environment");
            let store = SqliteStore::open(file).await.expect("a file");
            receiver(Hooks::builder(router![in_sqlite])).store(store).build()
        }
    };
    let hooks = hooks.expect("a receiver");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    println!(
        "listening on http://{}/",
        listener.local_addr().expect("an address")
    );
    axum::serve(listener, axum::Router::new().route_service("/", hooks))
        .await
        .expect("no end");
}
