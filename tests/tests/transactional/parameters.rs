//! Parameters that fail before the handler gets its transaction.

use apideck_hooks::events::ConnectionCreated;
use apideck_hooks::store::{LetterFilter, Store};
use apideck_hooks::{Delivery, FromDelivery, Hooks, NoState, Tx, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, Told, event, of};
use apideck_hooks_tests::probe::patient;
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::transactional::World;
use apideck_hooks_tests::waiting::GENEROUS;
use sqlx::{Postgres, Sqlite};
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A parameter whose behaviour the event id selects.
struct Gate;

impl FromDelivery for Gate {
    type State = NoState;
    type Error = io::Error;

    async fn from_delivery(delivery: &Delivery, _: NoState) -> io::Result<Self> {
        match delivery.event_id() {
            Some("refuse") => Err(io::Error::other("refused")),
            Some("panic") => panic!("at the gate"),
            Some("hang") => pending().await,
            _ => Ok(Gate),
        }
    }
}

#[on("vault.connection.callable")]
async fn gated_in_postgres(_: Gate, _: Tx<Postgres>) {}

#[on("vault.connection.callable")]
async fn gated_in_sqlite(_: Gate, _: Tx<Sqlite>) {}

#[on("vault.connection.created")]
async fn typed_in_postgres(_: ConnectionCreated, _: Tx<Postgres>) {}

#[on("vault.connection.created")]
async fn typed_in_sqlite(_: ConnectionCreated, _: Tx<Sqlite>) {}

/// A receiver on a store, with a handler timeout.
fn hooks(world: &World, store: Arc<dyn Store>, limit: Duration) -> Hooks {
    let store = Spy::over(store);
    match world {
        World::Postgres(_) => {
            let router = router![gated_in_postgres, typed_in_postgres, ..];
            let hooks = patient(Hooks::builder(router).secret(SECRET).store(store));
            hooks.max_attempts(2).handler_timeout(limit).build()
        }
        World::Sqlite(_) => {
            let router = router![gated_in_sqlite, typed_in_sqlite, ..];
            let hooks = patient(Hooks::builder(router).secret(SECRET).store(store));
            hooks.max_attempts(2).handler_timeout(limit).build()
        }
    }
    .unwrap()
}

async fn parameters_fail_like_handlers(world: &World) {
    let store = world.store(4).await;
    let impatient = hooks(world, Arc::clone(&store), Duration::from_millis(300));
    let hooks = hooks(world, store, GENEROUS);
    for (id, hooks) in [("refuse", &hooks), ("panic", &hooks), ("hang", &impatient)] {
        let delivery = event("vault.connection.callable", id);
        delivery.call(hooks).await.assert_status(500);
        for word in ["dead_lettered", "duplicate"] {
            assert_eq!(delivery.call(hooks).await.outcome(), word, "{id}");
        }
    }
    let odd = r#"{"payload":{"event_type":"vault.connection.created","event_id":"odd","entity":"odd"}}"#;
    for word in ["dead_lettered", "duplicate"] {
        assert_eq!(of(odd).call(&hooks).await.outcome(), word);
    }
    let dead_letters = hooks.dead_letters().expect("a durable store");
    assert_eq!(dead_letters.count(&LetterFilter::new()).await.unwrap(), 4);
    let other = event("vault.connection.callable", "other");
    other.call(&hooks).await.assert_handled();
    assert_eq!(
        (hooks.stats().store_errors, impatient.stats().store_errors),
        (0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_fail_like_handlers_on_postgres() {
    if let Some(world) = World::postgres().await {
        parameters_fail_like_handlers(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_fail_like_handlers_on_sqlite() {
    if let Some(world) = World::sqlite().await {
        parameters_fail_like_handlers(&world).await;
    }
}
