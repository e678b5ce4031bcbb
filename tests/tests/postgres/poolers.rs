//! Poolers between the store and the server.

use super::{EVENT, SOURCE, database, execute, hooks, key, number};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{Claim, Store};
use apideck_hooks_tests::delivery::Delivery;
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
            async move { Delivery::event(EVENT, &format!("e{n}")).call(&hooks).await }
        }));
        for reply in replies.await {
            assert_eq!(reply.status, 503);
        }
        assert_eq!(probe.count(), 0);
        let records = "SELECT count(*) FROM {}.records";
        assert_eq!(number(&database, &database.pool(1), records).await, 0);
    }
}

/// A pooler that begins to mix statements up while the store is used, because it was replaced under
/// the same name. The name in each statement tells, and nothing is changed.
#[tokio::test(flavor = "multi_thread")]
async fn case_35_another_statement_than_the_one_that_was_sent_changes_nothing() {
    let database = database!();
    let (direct, other) = (database.store(1).await, database.pool(1));
    let (grant, _) = super::granted(&direct, super::claim_of(key(1), None)).await;
    // As if the statement of an end had been prepared under the name of another store's end.
    let (sql, before) = (
        "SELECT {}.finish_v2('another name' = 'this name', $1, $2, $3, 1::smallint, 0)",
        "SELECT count(*) FROM {}.records WHERE phase = 0",
    );
    let sql = sql.replace("{}", &database.schema);
    let mixed = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(grant.record.to_bytes())
        .bind(grant.token.0 as i64)
        .bind(grant.id.to_bytes());
    let error = mixed.execute(&other).await.unwrap_err().to_string();
    assert!(error.contains("mixed prepared statements up"), "{error}");
    assert_eq!(number(&database, &other, before).await, 1);
    execute(&database, &other, "DELETE FROM {}.records").await;
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
        assert_eq!(Delivery::event(EVENT, id).call(&hooks).await.word(), word);
    }
    assert_eq!(
        hooks.dead_letters().unwrap().sources().await.unwrap(),
        [(SOURCE.to_owned(), 1)]
    );
}
