//! A receiver with an inbox in PostgreSQL, with or without workers, for tests with kills.
//!
//! The handler of `vault` events writes its effect in the transaction. That of other events writes
//! the lines `start ID ATTEMPT` and `end ID ATTEMPT` into a file. The event's id selects the
//! behaviour: `stuck…` never ends on its first attempt, `slow…` not before a line comes from the
//! standard input, `fatal…` kills the process, `flaky…` fails the first time, and `bad…` fails for
//! good.
//!
//! `LEASE_MS` is the lease if it is not as long as any test. `WORKERS=0` starts no workers.

use apideck_hooks::events::AnyEvent;
use apideck_hooks::{
    Delivery, Failure, Hooks, Outcome, Permanent, PostgresInbox, PostgresStore, State, Tx, on, router,
};
use apideck_hooks_tests::inbox::serve_with_workers;
use apideck_hooks_tests::postgres;
use apideck_hooks_tests::probe::patient;
use sqlx::Postgres;
use std::env::var;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, stdin};

async fn behave(id: &str, attempt: u32) -> Outcome {
    println!("started {id} {attempt}");
    if id.starts_with("stuck") && attempt == 1 {
        std::future::pending::<()>().await;
    }
    if id.starts_with("slow") && attempt == 1 {
        stdin().read_u8().await.expect("a line");
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
async fn in_transaction(delivery: Delivery, mut tx: Tx<Postgres>) -> Result<Outcome, sqlx::Error> {
    let id = delivery.event_id().unwrap_or_default();
    let effect = sqlx::query("INSERT INTO effects (event) VALUES ($1)").bind(id);
    effect.execute(&mut *tx).await?;
    Ok(behave(id, delivery.attempt()).await)
}

/// Appends a line in one write, so that no kill can cut it and no other process can write in
/// between.
fn write(mut effects: &File, line: &str) {
    effects
        .write_all(format!("{line}\n").as_bytes())
        .expect("an effect");
}

#[on("*")]
async fn plain(_: AnyEvent, delivery: Delivery, State(effects): State<Arc<File>>) -> Outcome {
    let (id, attempt) = (delivery.event_id().unwrap_or_default(), delivery.attempt());
    write(&effects, &format!("start {id} {attempt}"));
    let outcome = behave(id, attempt).await;
    if let Outcome::Done = outcome {
        write(&effects, &format!("end {id} {attempt}"));
    }
    outcome
}

#[tokio::main]
async fn main() {
    let variable = |name: &str| var(name).expect("its environment");
    let (schema, lease) = (variable("SCHEMA"), var("LEASE_MS").ok());
    let options = postgres::options().options([("search_path", &schema)]);
    let store = PostgresStore::builder(postgres::pool(options, 6))
        .schema(schema)
        .connections(4);
    let store = store.build().expect("a good name");
    let effects = OpenOptions::new()
        .create(true)
        .append(true)
        .open(variable("EFFECTS"));
    let mut hooks =
        patient(Hooks::builder(router![in_transaction, plain]).state(Arc::new(effects.expect("a file"))))
            .secret(apideck_hooks_tests::SECRET)
            .inbox(PostgresInbox::of(store));
    if let Some(lease) = lease {
        hooks = hooks.lease(Duration::from_millis(lease.parse().expect("milliseconds")));
    }
    let hooks = hooks.build().expect("a receiver");
    serve_with_workers(hooks, Duration::from_millis(100)).await;
}
