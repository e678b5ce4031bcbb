//! Parameters that come before the transaction and fail: the handler never takes it.

use apideck_hooks::events::ConnectionCreated;
use apideck_hooks::store::Store;
use apideck_hooks::{Delivery, FromDelivery, Hooks, NoState, Tx, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::Delivery as Sent;
use apideck_hooks_tests::probe::patient;
use apideck_hooks_tests::transactional::World;
use apideck_hooks_tests::waiting::GENEROUS;
use sqlx::{Postgres, Sqlite};
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Does what the event's id says.
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

/// A receiver on this store, with a limit for its handlers.
fn hooks(world: &World, store: Arc<dyn Store>, limit: Duration) -> Hooks {
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

async fn they_fail_as_any_handler_does(world: &World) {
    let store = world.store(4).await;
    let impatient = hooks(world, Arc::clone(&store), Duration::from_millis(300));
    let hooks = hooks(world, store, GENEROUS);
    for (id, hooks) in [("refuse", &hooks), ("panic", &hooks), ("hang", &impatient)] {
        let delivery = Sent::event("vault.connection.callable", id);
        assert_eq!(delivery.call(hooks).await.status, 500, "{id}");
        for word in ["set aside", "duplicate"] {
            assert_eq!(delivery.call(hooks).await.word(), word, "{id}");
        }
    }
    let odd = r#"{"payload":{"event_type":"vault.connection.created","event_id":"odd","entity":"odd"}}"#;
    for word in ["set aside", "duplicate"] {
        assert_eq!(Sent::of(odd).call(&hooks).await.word(), word);
    }
    let letters = hooks.dead_letters().expect("a durable store");
    assert_eq!(letters.list(None, 10).await.unwrap().len(), 4);
    let other = Sent::event("vault.connection.callable", "other");
    assert_eq!(other.call(&hooks).await.word(), "handled");
    assert_eq!(
        (hooks.stats().store_errors, impatient.stats().store_errors),
        (0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn in_postgres_parameters_fail_as_handlers_do() {
    if let Some(world) = World::postgres().await {
        they_fail_as_any_handler_does(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_sqlite_parameters_fail_as_handlers_do() {
    if let Some(world) = World::sqlite().await {
        they_fail_as_any_handler_does(&world).await;
    }
}
