//! A receiver with an inbox in SQLite and workers, for tests with kills.
//!
//! The handler writes its effect in the transaction. The event's id selects its behaviour:
//! `stuck…` never ends, `fatal…` kills the process, `flaky…` fails the first time, `bad…` fails for
//! good. Events of `crm` have a handler without a transaction, which writes a line into a file.
//!
//! `LEASE_MS` is the lease if it is not as long as any test. `WORKERS=0` starts no workers.

use apideck_hooks::events::AnyEvent;
use apideck_hooks::{
    Delivery, Failure, Hooks, Outcome, Permanent, SqliteInbox, SqliteStore, State, Tx, on, router,
};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::inbox::serve_with_workers;
use apideck_hooks_tests::probe::patient;
use apideck_hooks_tests::waiting::GENEROUS;
use sqlx::Sqlite;
use std::env::var;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

async fn behave(id: &str, attempt: u32) -> Outcome {
    println!("started {id} {attempt}");
    if id.starts_with("stuck") {
        std::future::pending::<()>().await;
    }
    if id.starts_with("fatal") {
        std::process::abort();
    }
    // Long enough for a kill in the middle.
    tokio::time::sleep(Duration::from_millis(1)).await;
    if id.starts_with("flaky") && attempt == 1 {
        return Failure::retry("the first time").into();
    }
    if id.starts_with("bad") {
        return Failure::from(Permanent("no use")).into();
    }
    Outcome::Done
}

#[on("vault.*")]
async fn in_transaction(delivery: Delivery, mut tx: Tx<Sqlite>) -> Result<Outcome, sqlx::Error> {
    let id = delivery.event_id().unwrap_or_default();
    sqlx::query("INSERT INTO effects (event) VALUES (?1)")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    Ok(behave(id, delivery.attempt()).await)
}

#[on("*")]
async fn plain(_: AnyEvent, delivery: Delivery, State(effects): State<Arc<File>>) -> Outcome {
    let (id, attempt) = (delivery.event_id().unwrap_or_default(), delivery.attempt());
    let outcome = behave(id, attempt).await;
    if let Outcome::Done = outcome {
        // In one write, so that no kill can cut it.
        (&*effects)
            .write_all(format!("{id}\n").as_bytes())
            .expect("an effect");
    }
    outcome
}

#[tokio::main]
async fn main() {
    let path = |name: &str| std::env::var_os(name).expect("its environment");
    let lease = var("LEASE_MS").ok();
    let lease = lease.map(|lease| Duration::from_millis(lease.parse().expect("milliseconds")));
    let tx_limit = lease.map_or(GENEROUS / 2, |lease| lease / 4);
    let store = SqliteStore::builder(path("DATABASE")).tx_limit(tx_limit);
    let store = store.open().await.unwrap_or_else(|error| panic!("{error}"));
    let effects = OpenOptions::new().create(true).append(true).open(path("EFFECTS"));
    let mut hooks =
        patient(Hooks::builder(router![in_transaction, plain]).state(Arc::new(effects.expect("a file"))))
            .secret(SECRET)
            .inbox(SqliteInbox::new(store));
    if let Some(lease) = lease {
        hooks = hooks.lease(lease);
    }
    let hooks = hooks.build().expect("a receiver");
    serve_with_workers(hooks, Duration::from_millis(10)).await;
}
