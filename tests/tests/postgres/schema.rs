//! Migrations, names, rights and indexes.

use super::{claim_of, database, execute, granted, key, number};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{End, Held, Store};
use apideck_hooks_tests::postgres::pool;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Executor};
use std::sync::Arc;
use std::time::Duration;

async fn migrate_all(stores: &[Arc<PostgresStore>]) {
    let migrations = stores.iter().map(|store| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.migrate().await })
    });
    for migrated in join_all(migrations).await {
        migrated.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_38_eight_processes_may_migrate_at_once_and_again() {
    let database = database!();
    let stores: Vec<_> = (0..8)
        .map(|_| Arc::new(database.builder(1).build().unwrap()))
        .collect();
    for _ in 0..2 {
        migrate_all(&stores).await;
    }
    granted(&stores[0], claim_of(key(1), None)).await;
    stores[1].migrate().await.unwrap();
    assert_eq!(granted(&stores[1], claim_of(key(2), None)).await.1, 1);
}

/// The schema does not exist before. Under a stricter isolation a migration would not see it.
#[tokio::test(flavor = "multi_thread")]
async fn case_38_six_prefixes_may_migrate_into_one_new_schema_at_once() {
    for isolation in ["read committed", "serializable"] {
        let database = database!();
        let options = database.options.clone();
        let options = options.options([("default_transaction_isolation", isolation)]);
        let stores: Vec<_> = (0..6)
            .map(|n| {
                let store = PostgresStore::builder(pool(options.clone(), 1)).schema(&database.schema);
                Arc::new(store.prefix(format!("p{n}_")).build().unwrap())
            })
            .collect();
        migrate_all(&stores).await;
        for store in &stores {
            assert_eq!(granted(store, claim_of(key(1), None)).await.1, 1);
        }
    }
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
    let options = database.options.clone().username(&role).password("of a role");
    let app = apideck_hooks_tests::postgres::pool(options, 2);
    let store = PostgresStore::builder(app.clone()).schema(schema).prefix("p_");
    let store = store.build().unwrap();
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'of a role'");
    pool.execute(AssertSqlSafe(create)).await.unwrap();
    let error = store.migrate().await.unwrap_err().to_string();
    assert!(
        error.contains("may not create the schema") && error.contains("GRANT"),
        "{error}"
    );
    let create = format!("CREATE SCHEMA {schema}; GRANT USAGE ON SCHEMA {schema} TO {role}");
    pool.execute(sqlx::raw_sql(AssertSqlSafe(create))).await.unwrap();
    let error = store.migrate().await.unwrap_err().to_string();
    assert!(
        error.contains("may not create tables") && error.contains("GRANT"),
        "{error}"
    );

    let script = format!("BEGIN; {} COMMIT;", sql.migrations_sql());
    pool.execute(sqlx::raw_sql(AssertSqlSafe(script))).await.unwrap();
    let grant = format!("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}");
    pool.execute(AssertSqlSafe(grant)).await.unwrap();
    let error = store
        .claim(claim_of(key(1), key(2)))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("needs SELECT, INSERT"), "{error}");
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}");
    pool.execute(AssertSqlSafe(grant)).await.unwrap();
    store.migrate().await.unwrap();
    let claimed = store.claim(claim_of(key(1), key(2))).await.unwrap();
    store.sweep().await.unwrap();
    drop(store);
    app.close().await;
    assert_eq!(claimed.record, key(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn prefixes_separate_receivers_and_a_missing_table_is_explained() {
    let database = database!();
    let store = |prefix: &str| database.builder(2).prefix(prefix).build().unwrap();
    let (a, b) = (store("a_"), store("select"));
    let error = a.claim(claim_of(key(1), None)).await.unwrap_err().to_string();
    assert!(error.contains("PostgresStore::migrate"), "{error}");
    a.migrate().await.unwrap();
    let error = b.status(key(1)).await.unwrap_err().to_string();
    assert!(error.contains("PostgresStore::migrate"), "{error}");
    b.migrate().await.unwrap();
    for store in [&a, &b] {
        let (grant, attempt) = granted(store, claim_of(key(1), None)).await;
        assert_eq!(attempt, 1);
        assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
    }
    assert!(database.builder(1).prefix("a b").build().is_err());
    assert!(database.builder(1).schema("\"").build().is_err());
    let error = database
        .builder(4)
        .transactions(3)
        .build()
        .unwrap_err()
        .to_string();
    assert!(error.contains("a pool of 5"), "{error}");
}

/// The tables of the version before, and those of a later release.
#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_format_are_refused() {
    let database = database!();
    let (store, other) = (database.builder(1).build().unwrap(), database.pool(1));
    for sql in [
        "CREATE SCHEMA {}",
        "CREATE TABLE {}.records (record bytea PRIMARY KEY, state text NOT NULL)",
    ] {
        execute(&database, &other, sql).await;
    }
    for error in [
        store.migrate().await.unwrap_err(),
        store.claim(claim_of(key(1), None)).await.unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(
            error.contains("the format 1, from before the first release"),
            "{error}"
        );
        assert!(error.to_lowercase().contains("drop the"), "{error}");
    }
    execute(&database, &other, "DROP TABLE {}.records").await;
    store.migrate().await.unwrap();
    execute(&database, &other, "UPDATE {}.format SET version = 4").await;
    for error in [
        store.migrate().await.unwrap_err(),
        store.claim(claim_of(key(1), None)).await.unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(
            error.contains("the format 4") && error.contains("knows the format 3"),
            "{error}"
        );
    }
}

/// A database that cannot hold every text.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_utf8_is_refused() {
    let database = database!();
    let other = database.pool(1);
    let sql = "CREATE DATABASE {} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'";
    execute(&database, &other, sql).await;
    let options = database.options.clone().database(&database.schema);
    let store = PostgresStore::new(pool(options, 1));
    let error = store.migrate().await.unwrap_err().to_string();
    assert!(error.contains("LATIN1") && error.contains("UTF8"), "{error}");
}

/// A claim and a finish change no index, so that their updates stay in the page.
#[tokio::test(flavor = "multi_thread")]
async fn updates_stay_in_their_page() {
    let database = database!();
    let (store, pool) = (database.store(1).await, database.pool(1));
    let release = || End::Release { rest: Duration::ZERO };
    for n in 0..200 {
        let (grant, _) = granted(&store, claim_of(key(n), None)).await;
        let end = if n % 2 == 0 { End::Done } else { release() };
        assert_eq!(store.finish(grant, end).await.unwrap(), Held::Yes);
    }
    for n in (1..200).step_by(2) {
        assert_eq!(granted(&store, claim_of(key(n), None)).await.1, 2);
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
