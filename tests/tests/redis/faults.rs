//! Faults in the middle of a call. The call is repeated or fails, and no event runs twice.

use super::{LONG, PATIENCE, claim, connected, done, granted, key, ms, proxied, store_on, token_of};
use apideck_hooks::RedisStore;
use apideck_hooks::store::{Claim, Claimed, End, Held, Status, Store, Verdict};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::redis::proxy::Mode;
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

async fn server(directory: &Directory, options: &[&str]) -> Server {
    Server::start(directory, free_port(), options).await
}

async fn run(server: &Server, command: &[&str]) {
    let (name, arguments) = command.split_first().unwrap();
    redis::cmd(name)
        .arg(arguments)
        .exec_async(&mut server.client().await)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_28_flushed_scripts_are_sent_again() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = server(&directory, &[]).await;
    let store = Arc::new(store_on(&server).await);
    let flush = async {
        for _ in 0..100 {
            run(&server, &["SCRIPT", "FLUSH"]).await;
        }
    };
    let work = async {
        for _ in 0..50 {
            let (event, delivery) = (key(), key());
            let claims = join_all((0..16).map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { claim(&store, event, Some(delivery), LONG).await })
            }));
            let tokens: Vec<_> = claims
                .await
                .into_iter()
                .map(Result::unwrap)
                .filter(|claimed| matches!(claimed.verdict, Verdict::Granted { .. }))
                .collect();
            let [claimed] = tokens[..] else {
                panic!("{tokens:?}")
            };
            let (token, attempt) = token_of(claimed);
            assert_eq!(attempt, 1);
            assert_eq!(store.finish(event, token, End::Done).await.unwrap(), Held::Yes);
        }
    };
    tokio::join!(flush, work);
}

#[tokio::test]
async fn case_28_nothing_runs_on_a_read_only_server() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = server(&directory, &[]).await;
    let store = store_on(&server).await;
    let probe = Probe::default();
    let hooks = probe.hooks().store(store).build().unwrap();
    let delivery = Delivery::event("vault.connection.callable", "e1");
    let nobody = free_port().to_string();
    run(&server, &["REPLICAOF", "127.0.0.1", &nobody]).await;
    let reply = delivery.call(&hooks).await;
    assert!(reply.status == 503 && reply.retry_after().is_some(), "{reply:?}");
    assert_eq!(probe.count(), 0);
    run(&server, &["REPLICAOF", "NO", "ONE"]).await;
    until("it is handled", async || {
        let reply = delivery.call(&hooks).await;
        reply.status == 200 && reply.word() == "handled"
    })
    .await;
    assert_eq!(probe.runs()[0].attempt, 1);
}

#[tokio::test]
async fn case_28_a_call_with_a_lost_response_is_repeated_with_the_same_result() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let store = builder.connect().await.unwrap();
    // The server has the scripts from now on, so that the lost responses are those of the scripts.
    let (warm, delivery) = (key(), key());
    let (token, _) = token_of(claim(&store, warm, Some(delivery), LONG).await);
    store.renew(warm, token, LONG).await.unwrap();
    store.finish(warm, token, End::Release).await.unwrap();

    let lose = || proxy.set(Mode::LoseResponse);
    for delivery in [None, Some(key())] {
        let event = key();
        lose();
        let claimed = claim(&store, event, delivery, LONG).await;
        assert_eq!(proxy.mode(), Mode::Pass, "a response was lost");
        let (token, attempt) = token_of(claimed);
        assert_eq!((claimed.record, attempt), (event, 1));
        lose();
        assert_eq!(store.renew(event, token, LONG).await.unwrap(), Held::Yes);
        lose();
        assert_eq!(store.finish(event, token, End::Release).await.unwrap(), Held::Yes);
        lose();
        let (token, attempt) = granted(&store, event, LONG).await;
        assert_eq!(attempt, 2);
        lose();
        assert_eq!(store.finish(event, token, End::Done).await.unwrap(), Held::Yes);
        assert_eq!(proxy.mode(), Mode::Pass, "a response was lost");
        assert_eq!(store.status(event).await.unwrap(), Status::Done { token });
    }
    let event = key();
    let (token, _) = granted(&store, event, LONG).await;
    lose();
    let dead = End::Dead(super::dead_letters::letter("{}"));
    assert_eq!(store.finish(event, token, dead).await.unwrap(), Held::Yes);
    // A dead letter takes two writes.
    let event = key();
    let (token, _) = granted(&store, event, LONG).await;
    let dead = End::Dead(super::dead_letters::letter("{}"));
    assert_eq!(store.finish(event, token, dead).await.unwrap(), Held::Yes);
    assert_eq!(
        store.dead_letters().unwrap().list(None, 9).await.unwrap().len(),
        2
    );
}

#[tokio::test]
async fn case_28_a_connection_that_stops_responding_is_replaced() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let store = connected(&builder.clone().call_timeout(ms(2000))).await;
    proxy.stall_existing();
    let asked = Instant::now();
    let stalled = store.claim(Claim::new(key(), None, LONG)).await;
    assert!(stalled.is_err() && asked.elapsed() < PATIENCE / 2, "{stalled:?}");
    until("another connection is made", async || {
        store.claim(Claim::new(key(), None, LONG)).await.is_ok()
    })
    .await;
    // A caller may have a shorter timeout than the store.
    let store = builder.call_timeout(2 * PATIENCE).connect().await.unwrap();
    done(&store, key()).await;
    proxy.stall_existing();
    let impatient = tokio::time::timeout(ms(200), store.claim(Claim::new(key(), None, LONG))).await;
    assert!(impatient.is_err());
    let asked = Instant::now();
    done(&store, key()).await;
    assert!(asked.elapsed() < PATIENCE, "another connection");
}

#[tokio::test]
async fn calls_to_a_missing_server_end_soon_and_make_few_connections() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let builder = builder.call_timeout(ms(400)).connect_timeout(ms(300));
    let store = Arc::new(connected(&builder).await);
    proxy.set(Mode::Stall);
    let asked = Instant::now();
    let before = proxy.connections();
    let calls = join_all((0..200).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..2 {
                assert!(store.claim(Claim::new(key(), None, LONG)).await.is_err());
            }
        })
    }));
    for call in calls.await {
        call.unwrap();
    }
    // One call after another would take 160 seconds.
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    // The store makes one connection at a time, and each takes the whole connect timeout.
    let tried = proxy.connections() - before;
    let most = asked.elapsed().as_millis() / 300 + 2;
    assert!(tried as u128 <= most, "{tried}, at most {most}");
    proxy.set(Mode::Pass);
    until("it recovers", async || {
        store.claim(Claim::new(key(), None, LONG)).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn case_28_a_full_server_grants_no_claim_and_records_finishes() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = server(&directory, &["--maxmemory", "4mb"]).await;
    let store = store_on(&server).await;
    let (running, failing) = (key(), key());
    let (token, _) = granted(&store, running, LONG).await;
    let (second, _) = granted(&store, failing, LONG).await;
    let mut ending = Vec::new();
    for event in [(); 20].map(|()| key()) {
        ending.push((event, granted(&store, event, LONG).await.0));
    }
    let (handled, delivery) = (key(), key());
    let (settled, _) = token_of(claim(&store, handled, Some(delivery), LONG).await);
    store.finish(handled, settled, End::Done).await.unwrap();
    let mut client = server.client().await;
    let junk = "x".repeat(100_000);
    let mut n = 0;
    while redis::cmd("SET")
        .arg(n)
        .arg(&junk)
        .exec_async(&mut client)
        .await
        .is_ok()
    {
        n += 1;
    }
    // Claims take the last bytes.
    for delivery in [None, Some(key())] {
        let mut verdicts = Vec::new();
        while verdicts.last() != Some(&Verdict::Full) {
            assert!(verdicts.len() < 10_000, "the server is never full");
            verdicts.push(claim(&store, key(), delivery.map(|_| key()), LONG).await.verdict);
        }
    }
    // In a batch each call gets the result that it would get alone.
    let refused = join_all((0..20).map(|_| claim(&store, key(), Some(key()), LONG)));
    let busy = join_all((0..20).map(|_| claim(&store, handled, Some(delivery), LONG)));
    let ends = join_all(
        ending
            .iter()
            .map(|(event, token)| store.finish(*event, *token, End::Done)),
    );
    let (refused, busy, ends) = tokio::join!(refused, busy, ends);
    assert!(
        refused.iter().any(|claimed| claimed.verdict == Verdict::Full),
        "{refused:?}"
    );
    let told = |claimed: &Claimed| (claimed.record, claimed.verdict) == (handled, Verdict::Done);
    assert!(busy.iter().all(told), "{busy:?}");
    assert!(ends.iter().all(|held| matches!(held, Ok(Held::Yes))), "{ends:?}");
    assert_eq!(store.renew(running, token, LONG).await.unwrap(), Held::Yes);
    assert_eq!(store.finish(running, token, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(
        store.finish(failing, second, End::Release).await.unwrap(),
        Held::Yes
    );
    assert_eq!(claim(&store, running, None, LONG).await.verdict, Verdict::Done);
    run(&server, &["FLUSHALL"]).await;
    done(&store, key()).await;
}

/// The log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_evicting_server_causes_a_warning_and_passwords_are_not_logged() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let text = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let server = server(&directory, &["--maxmemory-policy", "noeviction"]).await;
    run(&server, &["CONFIG", "SET", "requirepass", "hunter2"]).await;
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}/", server.port);
    let store = RedisStore::connect(url("hunter2")).await.unwrap();
    assert!(!text().contains("noeviction"), "{}", text());
    let mut client = apideck_hooks_tests::redis::client(&url("hunter2")).await.unwrap();
    redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory-policy", "allkeys-lru"])
        .exec_async(&mut client)
        .await
        .unwrap();
    let builder = RedisStore::builder(url("hunter2"));
    builder.clone().connect().await.unwrap();
    assert!(
        text().contains("noeviction") && text().contains("allkeys-lru"),
        "{}",
        text()
    );
    let wrong = RedisStore::connect(url("hunter3")).await.unwrap_err();
    let said = format!("{wrong} {wrong:?} {builder:?} {store:?} {}", text());
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
