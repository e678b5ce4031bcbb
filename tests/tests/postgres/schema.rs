//! Migrations, names and indexes.

use super::{LEASE, database, granted, key, number};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{Claim, End, Held, Store};
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Executor};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_may_migrate_at_once_and_again() {
    let database = database!();
    let stores: Vec<_> = (0..8)
        .map(|_| Arc::new(database.builder(1).build().unwrap()))
        .collect();
    for _ in 0..2 {
        let migrations = stores.iter().map(|store| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.migrate().await })
        });
        for migrated in join_all(migrations).await {
            migrated.unwrap().unwrap();
        }
    }
    granted(&stores[0], key(1)).await;
    stores[1].migrate().await.unwrap();
    assert_eq!(granted(&stores[1], key(2)).await.1, 1);
}

/// A tool can run the migrations in a transaction. Then a role without the right to create tables
/// can use the store.
#[tokio::test(flavor = "multi_thread")]
async fn migrations_can_be_run_by_another_tool() {
    let database = database!();
    let pool = database.pool(2);
    let role = database.role();
    let schema = &database.schema;
    let sql = database.builder(1).prefix("p_").build().unwrap();
    let script = format!("BEGIN; {} COMMIT;", sql.migrations_sql());
    pool.execute(sqlx::raw_sql(AssertSqlSafe(script))).await.unwrap();
    let grant = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'of a role'; GRANT USAGE ON SCHEMA {schema} TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
    );
    pool.execute(sqlx::raw_sql(AssertSqlSafe(grant))).await.unwrap();
    let options = database.options.clone().username(&role).password("of a role");
    let app = apideck_hooks_tests::postgres::pool(options, 2);
    let store = PostgresStore::builder(app.clone()).schema(schema).prefix("p_");
    let store = store.build().unwrap();
    let used = async {
        store.migrate().await?;
        let claimed = store.claim(Claim::new(key(1), Some(key(2)), LEASE)).await?;
        store.sweep().await?;
        Ok::<_, apideck_hooks::store::StoreError>(claimed.record)
    };
    let used = used.await;
    app.close().await;
    assert_eq!(used.unwrap(), key(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn prefixes_separate_receivers_and_a_missing_table_is_explained() {
    let database = database!();
    let store = |prefix: &str| database.builder(2).prefix(prefix).build().unwrap();
    let (a, b) = (store("a_"), store("select"));
    let error = a
        .claim(Claim::new(key(1), None, LEASE))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("PostgresStore::migrate"), "{error}");
    a.migrate().await.unwrap();
    let error = b.status(key(1)).await.unwrap_err().to_string();
    assert!(error.contains("PostgresStore::migrate"), "{error}");
    b.migrate().await.unwrap();
    for store in [&a, &b] {
        let (token, attempt) = granted(store, key(1)).await;
        assert_eq!(attempt, 1);
        assert_eq!(store.finish(key(1), token, End::Done).await.unwrap(), Held::Yes);
    }
    assert!(database.builder(1).prefix("a b").build().is_err());
    assert!(database.builder(1).schema("\"").build().is_err());
}

/// A claim and a finish change no index, so that their updates stay in the page.
#[tokio::test(flavor = "multi_thread")]
async fn updates_stay_in_their_page() {
    let database = database!();
    let (store, pool) = (database.store(1).await, database.pool(1));
    for n in 0..200 {
        let (token, _) = granted(&store, key(n)).await;
        let end = if n % 2 == 0 { End::Done } else { End::Release };
        assert_eq!(store.finish(key(n), token, end).await.unwrap(), Held::Yes);
    }
    for n in (1..200).step_by(2) {
        assert_eq!(granted(&store, key(n)).await.1, 2);
    }
    // The statistics arrive when the session ends.
    drop(store);
    let hot = "SELECT coalesce(sum(n_tup_hot_upd), 0)::bigint FROM pg_stat_user_tables
        WHERE schemaname = '{}' AND relname = 'records' AND n_tup_upd = 300";
    until("the statistics come", async || {
        number(&database, &pool, hot).await > 0
    })
    .await;
    let hot = number(&database, &pool, hot).await;
    assert!(hot > 290, "{hot} of 300");
}
