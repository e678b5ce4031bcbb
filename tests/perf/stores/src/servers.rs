//! Stores on a server: of PostgreSQL at `DATABASE_URL`, of Redis at `REDIS_URL`.

use super::subject::Subject;

/// None without a server.
pub(crate) type Subjects = Option<Box<Server>>;

/// All that is measured on a server.
pub(crate) struct Server {
    /// Ours with both keys, ours with the event key alone, the plain one, the least that keeps the promise.
    pub(crate) four: [Subject; 4],
    /// The plain one with both keys.
    pub(crate) plain_both: Option<Subject>,
}

#[cfg(feature = "postgres")]
pub(crate) mod postgres {
    use super::{Server, Subject, Subjects};
    use crate::plain::{FencedPostgres, PlainPostgres};
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

    pub(crate) async fn subjects() -> Subjects {
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
        let fenced = pool(&url).await;
        fenced.execute(FencedPostgres::TABLE).await.expect("a table");
        let four = [
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
            Subject::new("postgres, fenced", EVENTS, FencedPostgres(fenced)),
        ];
        Some(Box::new(Server {
            four,
            plain_both: None,
        }))
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
    use super::{Server, Subject, Subjects};
    use crate::plain::{FencedRedis, PlainRedis, PlainRedisBoth};
    use crate::subject::Ours;
    use apideck_hooks::RedisStore;
    use std::time::Duration;

    const EVENTS: [u64; 2] = [2_000, 20_000];

    /// Takes away what this run has left, which would slow down others that use the server.
    pub(crate) async fn clear() {
        let Ok(url) = std::env::var("REDIS_URL") else {
            return;
        };
        let client = ::redis::Client::open(url).expect("REDIS_URL");
        let mut connection = client
            .get_multiplexed_async_connection()
            .await
            .expect("a connection");
        let pattern = format!("apideck-hooks-bench:{}:*", std::process::id());
        let mut cursor = 0_u64;
        loop {
            let mut scan = ::redis::cmd("SCAN");
            scan.arg(cursor)
                .arg("MATCH")
                .arg(&pattern)
                .arg("COUNT")
                .arg(2_000);
            let (next, keys): (u64, Vec<String>) =
                scan.query_async(&mut connection).await.expect("an answer");
            if !keys.is_empty() {
                let mut unlink = ::redis::cmd("UNLINK");
                let () = unlink
                    .arg(keys)
                    .query_async(&mut connection)
                    .await
                    .expect("an answer");
            }
            if next == 0 {
                return;
            }
            cursor = next;
        }
    }

    pub(crate) async fn subjects() -> Subjects {
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
        let fenced = client.get_multiplexed_async_connection().await;
        let fenced = FencedRedis(fenced.expect("a connection"), run);
        let plain_both = client.get_multiplexed_async_connection().await;
        let plain_both = PlainRedisBoth(plain_both.expect("a connection"), run);
        let four = [
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
            Subject::new("redis, fenced", EVENTS, fenced),
        ];
        Some(Box::new(Server {
            four,
            plain_both: Some(Subject::new("by hand, both keys", EVENTS, plain_both)),
        }))
    }
}
