//! Poolers between the store and the server.

use super::{EVENT, SOURCE, claim_of, database, execute, granted, hooks, key, number};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{Claim, Store};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::postgres::pgbouncer::PgBouncer;
use apideck_hooks_tests::postgres::{Database, pool};
use apideck_hooks_tests::probe::{Probe, Step};
use futures_util::future::join_all;
use sqlx::postgres::PgConnectOptions;
use std::sync::Arc;
use std::time::Duration;

fn store(database: &Database, options: PgConnectOptions) -> PostgresStore {
    let store = PostgresStore::builder(pool(options, 8)).schema(&database.schema);
    store.connections(8).build().unwrap()
}

/// PgBouncer before 1.21 in transaction mode. Two hundred events whose handler fails are refused,
/// and none of them is recorded as done.
#[tokio::test(flavor = "multi_thread")]
async fn case_35_a_pooler_that_mixes_prepared_statements_up_is_refused_and_no_event_lost() {
    let database = database!();
    database.store(1).await;
    // Several server processes, so that statements meet on each of them, and one.
    for size in [4, 1] {
        let Some(pooler) = PgBouncer::start("transaction", size).await else {
            return;
        };
        let store = Arc::new(store(&database, pooler.options()));
        let error = store.migrate().await.unwrap_err().to_string();
        assert!(error.contains("PgBouncer"), "{error}");
        let error = store.claim(Claim::new(key(1), Duration::from_secs(60))).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("max_prepared_statements"), "{error}");
        let probe = Probe::new((0..200).map(|_| Step::Fail));
        let receiver = hooks(&probe).store(Arc::clone(&store));
        let receiver = receiver.store_timeout(Duration::from_secs(20)).build().unwrap();
        let replies = join_all((0..200).map(|n| {
            let hooks = receiver.clone();
            async move { event(EVENT, &format!("e{n}")).call(&hooks).await }
        }));
        for reply in replies.await {
            assert_eq!(reply.code(), 503);
        }
        assert_eq!(probe.count(), 0);
        let records = "SELECT count(*) FROM {}.records";
        assert_eq!(number(&database, &database.pool(1), records).await, 0);
    }
}

/// The pooler comes when the probe is over. Each statement checks its name, so one that was mixed
/// up with another one changes nothing. No event whose handler only failed is recorded as done.
#[tokio::test(flavor = "multi_thread")]
async fn case_35_a_pooler_that_comes_later_loses_no_event() {
    const EVENTS: usize = 200;
    let database = database!();
    let Some(pooler) = PgBouncer::start("transaction", 4).await else {
        return;
    };
    let direct = pool(database.options.clone().application_name(&database.schema), 8);
    let store = PostgresStore::builder(direct.clone()).schema(&database.schema);
    let store = store.connections(12).build().unwrap();
    store.migrate().await.unwrap();
    granted(&store, claim_of(key(1), None)).await;
    direct.set_connect_options(pooler.options());
    let other = database.pool(1);
    let close = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'";
    execute(&database, &other, close).await;
    let probe = Probe::new((0..10 * EVENTS).map(|_| Step::Fail));
    let receiver = hooks(&probe).store(store).store_timeout(Duration::from_secs(5));
    let receiver = receiver.build().unwrap();
    let replies = join_all((0..EVENTS).map(|n| {
        let hooks = receiver.clone();
        tokio::spawn(async move {
            let mut words = Vec::new();
            for _ in 0..3 {
                words.push(event(EVENT, &format!("e{n}")).call(&hooks).await.outcome());
            }
            words
        })
    }));
    let mut refused = 0;
    for words in replies.await {
        for word in words.unwrap() {
            assert!(["500", "503"].contains(&word.as_str()), "{word}");
            refused += usize::from(word == "503");
        }
    }
    assert!(refused > 0, "the statements were not mixed up");
    let settled = "SELECT count(*) FROM {}.records WHERE phase IN (1, 3)";
    assert_eq!(number(&database, &other, settled).await, 0);
}

/// In session mode a connection keeps its server process, so nothing is different.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_pooler_is_as_good_as_none() {
    let database = database!();
    let Some(pooler) = PgBouncer::start("session", 20).await else {
        return;
    };
    let store = store(&database, pooler.options());
    store.migrate().await.unwrap();
    let probe = Probe::new([Step::Fail, Step::Succeed, Step::Refuse]);
    let hooks = hooks(&probe).store(store).build().unwrap();
    for (id, word) in [
        ("e1", "500"),
        ("e1", "handled"),
        ("e1", "duplicate"),
        ("e2", "dead_lettered"),
    ] {
        assert_eq!(event(EVENT, id).call(&hooks).await.outcome(), word);
    }
    assert_eq!(
        hooks.dead_letters().unwrap().sources().await.unwrap(),
        [(SOURCE.to_owned(), 1)]
    );
}
