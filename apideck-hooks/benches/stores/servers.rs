//! Stores on a server: of PostgreSQL at `DATABASE_URL`, of Redis at `REDIS_URL`.

use super::subject::Subject;

/// Ours with both keys, ours with the event key alone, the plain one; none without a server.
pub(crate) type Trio = Option<[Subject; 3]>;

#[cfg(feature = "postgres")]
pub(crate) mod postgres {
    use super::{Subject, Trio};
    use crate::plain::PlainPostgres;
    use crate::subject::Ours;
    use apideck_hooks::PostgresStore;
    use sqlx::postgres::PgPoolOptions;
    use sqlx::{Executor, PgPool};

    /// Of each pool.
    const CONNECTIONS: u32 = 16;
    const EVENTS: [u64; 2] = [400, 4_000];

    async fn pool(url: &str) -> PgPool {
        // The test is a round trip of its own, which would make everything look alike.
        let pool = PgPoolOptions::new().test_before_acquire(false);
        let pool = pool.min_connections(CONNECTIONS).max_connections(CONNECTIONS);
        pool.connect(url).await.expect("the server at DATABASE_URL")
    }

    pub(crate) async fn subjects() -> Trio {
        let url = std::env::var("DATABASE_URL").ok()?;
        clear().await;
        let mut stores = Vec::new();
        for prefix in ["both_", "one_"] {
            let store = PostgresStore::builder(pool(&url).await).schema("apideck_hooks_bench");
            let store = store.prefix(prefix).build().expect("good names");
            store.migrate().await.expect("a migration");
            stores.push(store);
        }
        let [both, one] = <[PostgresStore; 2]>::try_from(stores).ok()?;
        let plain = pool(&url).await;
        let table = "CREATE TABLE apideck_hooks_bench.plain (key bytea PRIMARY KEY, done boolean NOT NULL)";
        plain.execute(table).await.expect("a table");
        Some([
            Subject::new(
                "postgres",
                EVENTS,
                Ours {
                    store: both,
                    delivery: true,
                },
            ),
            Subject::new(
                "postgres, one key",
                EVENTS,
                Ours {
                    store: one,
                    delivery: false,
                },
            ),
            Subject::new("postgres, by hand", EVENTS, PlainPostgres(plain)),
        ])
    }

    pub(crate) async fn clear() {
        let Ok(url) = std::env::var("DATABASE_URL") else {
            return;
        };
        let pool = PgPool::connect(&url).await.expect("the server at DATABASE_URL");
        let drop = "SET client_min_messages = warning; DROP SCHEMA IF EXISTS apideck_hooks_bench CASCADE";
        pool.execute(sqlx::raw_sql(drop)).await.expect("no schema");
    }
}

#[cfg(feature = "redis")]
pub(crate) mod redis {
    use super::{Subject, Trio};
    use crate::plain::PlainRedis;
    use crate::subject::Ours;
    use apideck_hooks::RedisStore;
    use std::time::Duration;

    const EVENTS: [u64; 2] = [2_000, 20_000];

    pub(crate) async fn subjects() -> Trio {
        let url = std::env::var("REDIS_URL").ok()?;
        let run = std::process::id();
        let mut stores = Vec::new();
        for prefix in ["both", "one"] {
            let store = RedisStore::builder(&*url).prefix(format!("apideck-hooks-bench:{run}:{prefix}"));
            let store = store.retention(Duration::from_secs(600)).connect().await;
            stores.push(store.expect("the server at REDIS_URL"));
        }
        let [both, one] = <[RedisStore; 2]>::try_from(stores).ok()?;
        let client = ::redis::Client::open(url).expect("REDIS_URL");
        let mut plain = client
            .get_multiplexed_async_connection()
            .await
            .expect("a connection");
        let () = ::redis::cmd("PING")
            .query_async(&mut plain)
            .await
            .expect("an answer");
        Some([
            Subject::new(
                "redis",
                EVENTS,
                Ours {
                    store: both,
                    delivery: true,
                },
            ),
            Subject::new(
                "redis, one key",
                EVENTS,
                Ours {
                    store: one,
                    delivery: false,
                },
            ),
            Subject::new("redis, by hand", EVENTS, PlainRedis(plain, run)),
        ])
    }
}
