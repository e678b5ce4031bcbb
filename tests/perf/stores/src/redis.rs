//! The Redis store, beside one script for each operation.

use crate::Bench;
use crate::subject::{Keys, Ours, Remember, Subject};
use apideck_hooks::RedisStore;
use perf::store::key;
use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script};
use std::time::Duration;

const URL: &str = "APIDECK_HOOKS_TEST_REDIS_URL";
const DEFAULT_URL: &str = "redis://127.0.0.1:6379/";
const EVENTS: [u64; 2] = [2_000, 20_000];
const RETENTION: Duration = Duration::from_secs(600);

/// A script that claims with a token, and one that finishes if the token is still the record's.
struct ByHand {
    connection: MultiplexedConnection,
    prefix: String,
    claim: Script,
    finish: Script,
}

impl ByHand {
    fn new(connection: MultiplexedConnection, prefix: String) -> Self {
        Self {
            connection,
            prefix,
            claim: Script::new("return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0"),
            finish: Script::new(
                "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
                 redis.call('SET', KEYS[1], 'done', 'PX', ARGV[2])
                 return 1",
            ),
        }
    }
}

impl Remember for ByHand {
    async fn remember(&self, n: u64) {
        let mut connection = self.connection.clone();
        let key = format!("{}:by-hand:{}", self.prefix, key(n));
        let milliseconds = RETENTION.as_millis() as u64;
        for script in [&self.claim, &self.finish] {
            let mut call = script.key(&key);
            call.arg(n).arg(milliseconds);
            let done: u64 = call.invoke_async(&mut connection).await.expect("an answer");
            assert_eq!(done, 1);
        }
    }
}

async fn connect(url: &str) -> Result<MultiplexedConnection, RedisError> {
    redis::Client::open(url)?.get_multiplexed_async_connection().await
}

pub(crate) async fn measure(bench: &mut Bench) {
    let named = std::env::var(URL).ok();
    let url = named.as_deref().unwrap_or(DEFAULT_URL);
    let connection = match connect(url).await {
        Ok(connection) => connection,
        Err(error) if named.is_some() => panic!("no server at {URL}: {error}"),
        Err(error) => return eprintln!("SKIPPED: Redis, because none is at {DEFAULT_URL}: {error}"),
    };
    let prefix = format!("apideck-hooks-perf:{}", std::process::id());
    let ours = async |name, keys| {
        let store = RedisStore::builder(url)
            .prefix(format!("{prefix}:{name}"))
            .retention(RETENTION);
        let store = store.connect().await.expect("a store");
        Ours { store, keys }
    };
    let by_hand = ByHand::new(connection.clone(), prefix.clone());
    let mut subjects = [
        Subject::new("redis", EVENTS, ours("both", Keys::EventAndDelivery).await),
        Subject::new("redis, one key", EVENTS, ours("one", Keys::Event).await),
        Subject::new("redis by hand, one key", EVENTS, by_hand),
    ];
    bench.measure(&mut subjects).await;
    // With both keys a claim takes more round trips, because the alias is another key.
    let [_, one, by_hand] = &subjects;
    // With many clients the scripts are the bottleneck: see ARCHITECTURE.md.
    bench.check(one, by_hand, [0.8, 0.55]);
    drop(subjects);
    clear(connection, &prefix).await.expect("an empty prefix");
}

/// Deletes the keys of this run, because they would slow down other users of the server.
async fn clear(mut connection: MultiplexedConnection, prefix: &str) -> Result<(), RedisError> {
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{prefix}:*"));
        scan.arg("COUNT").arg(2_000);
        let (next, keys): (u64, Vec<String>) = scan.query_async(&mut connection).await?;
        if !keys.is_empty() {
            let mut unlink = redis::cmd("UNLINK");
            let () = unlink.arg(keys).query_async(&mut connection).await?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}
