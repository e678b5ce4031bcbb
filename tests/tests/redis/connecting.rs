//! Servers and settings that are refused on connect, and the log.

use super::{LONG, PATIENCE, SOURCE, claim_of, dead, done, granted, key, ms, run, run_command};
use apideck_hooks::RedisStore;
use apideck_hooks::store::{Claim, Held, Store};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn captured() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

/// A server with a user `limited`, whose rights the rules set.
async fn with_user(directory: &Directory, rules: &[&str]) -> (Server, String) {
    let server = Server::durable(directory, free_port()).await;
    let mut command = vec!["ACL", "SETUSER", "limited", "on", ">hunter2"];
    command.extend(rules);
    run_command(&server, &command).await;
    let url = format!("redis://limited:hunter2@127.0.0.1:{}/", server.port);
    (server, url)
}

#[tokio::test]
async fn case_28_a_user_who_may_not_run_scripts_is_refused_on_connect() {
    if !can_start() {
        return;
    }
    for forbidden in ["-eval", "-evalsha", "-hset", "-@scripting"] {
        let directory = Directory::default();
        let (_server, url) = with_user(&directory, &["~*", "+@all", forbidden]).await;
        let refused = RedisStore::connect(url).await.unwrap_err().to_string();
        assert!(
            refused.contains("EVALSHA") && !refused.contains("hunter"),
            "{refused}"
        );
    }
}

/// A user with exactly the rights in the documentation can do everything. Without `CONFIG` and on
/// Redis 7.0 no letters are kept, because `INFO` does not tell if each write is synced.
#[tokio::test]
async fn the_documented_rights_are_enough() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let rights = "~apideck-hooks:* -@all +evalsha +eval +get +set +pexpire +exists +scan +hexists +sadd \
        +smembers +zrevrangebyscore +info +config|get +wait +time +hmget +hget +hset +hdel +del +persist \
        +pexpireat +pttl +zscore +zcard +zrevrange +zadd +zrem";
    let rights: Vec<_> = rights.split(' ').filter(|right| !right.is_empty()).collect();
    let (server, url) = with_user(&directory, &rights).await;
    let store = RedisStore::connect(&url).await.unwrap();
    let (grant, _) = granted(&store, claim_of(key(), Some(key()))).await;
    assert_eq!(store.renew(grant, LONG).await.unwrap(), Held::Yes);
    assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::Yes);
    let letters = store.dead_letters().expect("they are kept");
    assert_eq!(letters.sources().await.unwrap(), [(SOURCE.to_owned(), 1)]);
    letters.purge(SOURCE, grant.record).await.unwrap();
    run_command(&server, &["ACL", "SETUSER", "limited", "-config|get"]).await;
    let store = RedisStore::connect(&url).await.unwrap();
    assert!(store.dead_letters().is_none());
    done(&store, key()).await;
}

/// Rights that are withdrawn while the store runs. The calls fail at once and are not repeated.
#[tokio::test]
async fn case_28_a_withdrawn_right_is_an_error_and_nothing_runs() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let (server, url) = with_user(&directory, &["~*", "+@all"]).await;
    let store = RedisStore::connect(&url).await.unwrap();
    let probe = Probe::default();
    let hooks = super::patient(&probe, store).build().unwrap();
    run_command(&server, &["ACL", "SETUSER", "limited", "-@scripting"]).await;
    let delivery = event("vault.connection.callable", "e1");
    let reply = delivery.call(&hooks).await;
    assert!(reply.code() == 503 && reply.retry_after().is_some(), "{reply:?}");
    assert_eq!((probe.count(), hooks.stats().handled), (0, 0));
    run_command(&server, &["ACL", "SETUSER", "limited", "+@scripting"]).await;
    delivery.call(&hooks).await.assert_handled();
}

/// Another program has put a value of another type under the name of a record.
#[tokio::test]
async fn case_28_a_value_of_another_type_is_an_error() {
    let Some(isolated) = apideck_hooks_tests::redis::Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let event = key();
    redis::cmd("SET")
        .arg(format!("{}:record:{event}", isolated.prefix))
        .arg("text")
        .exec_async(&mut isolated.client().await)
        .await
        .unwrap();
    let error = store.claim(claim_of(event, None)).await.unwrap_err();
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    run(&store, key()).await;
}

#[tokio::test]
async fn a_server_that_loses_letters_causes_a_warning_and_passwords_are_not_logged() {
    if !can_start() {
        return;
    }
    let (log, _guard) = captured();
    let directory = Directory::default();
    let server = Server::durable(&directory, free_port()).await;
    run_command(&server, &["CONFIG", "SET", "requirepass", "hunter2"]).await;
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}/", server.port);
    let store = RedisStore::connect(url("hunter2")).await.unwrap();
    assert!(!log.text().contains("dead letters"), "{}", log.text());
    let mut client = apideck_hooks_tests::redis::client(&url("hunter2")).await.unwrap();
    let mut set = async |name: &str, value: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg(&["SET", name, value])
            .exec_async(&mut client)
            .await
            .unwrap();
    };
    set("maxmemory-policy", "allkeys-lru").await;
    set("appendfsync", "everysec").await;
    let builder = RedisStore::builder(url("hunter2"));
    let losing = builder.clone().connect().await.unwrap();
    assert!(losing.dead_letters().is_none());
    for word in ["allkeys-lru", "noeviction", "appendfsync"] {
        assert!(log.text().contains(word), "{}", log.text());
    }
    let wrong = RedisStore::connect(url("hunter3")).await.unwrap_err();
    let said = format!("{wrong} {wrong:?} {builder:?} {store:?} {}", log.text());
    assert!(!said.contains("hunter"), "{said}");
}

#[tokio::test]
async fn impossible_settings_are_refused_on_connect() {
    let nobody = format!("redis://127.0.0.1:{}/", free_port());
    for builder in [
        RedisStore::builder("http://127.0.0.1/"),
        RedisStore::builder("rediss://127.0.0.1/"),
        RedisStore::builder(&nobody),
        RedisStore::builder(&nobody).prefix("x".repeat(256)),
        RedisStore::builder(&nobody).call_timeout(ms(0)),
        RedisStore::cluster([nobody.clone()]),
        RedisStore::cluster::<String>([]),
        RedisStore::sentinel([nobody.clone()], "mymaster"),
        RedisStore::sentinel::<String>([], "mymaster"),
    ] {
        let asked = Instant::now();
        builder.connect().await.unwrap_err();
        assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    }
}

/// Case 30. Several processes can share a Redis, so a receiver needs a source.
#[tokio::test]
async fn case_30_a_receiver_without_a_source_is_refused() {
    let Some(isolated) = apideck_hooks_tests::redis::Isolated::new().await else {
        return;
    };
    let build = Probe::default().hooks().store(isolated.store().await).build();
    assert!(build.unwrap_err().to_string().contains("source"));
    let store = isolated.store().await;
    assert!(store.is_shared() && store.transactions().is_none());
    assert!(store.claim(Claim::new(key(), LONG)).await.is_ok());
}
