//! Replicas: `min_replicas_ack`, and Sentinel.

use super::{LONG, claim, done, granted, key, ms, token_of};
use apideck_hooks::RedisStore;
use apideck_hooks::store::{Claim, End, Held, Status, Store, Verdict};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::redis::client as connect;
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A primary and its replica, in step.
async fn pair(directories: &[Directory; 2]) -> (Server, Server) {
    let primary = Server::start(&directories[0], free_port(), &["--repl-diskless-sync-delay", "0"]).await;
    let replica = replica(&directories[1], free_port(), &primary).await;
    (primary, replica)
}

async fn replica(directory: &Directory, port: u16, primary: &Server) -> Server {
    let of = format!("127.0.0.1 {}", primary.port);
    let replica = Server::start(
        directory,
        port,
        &["--replicaof", &of, "--repl-diskless-sync-delay", "0"],
    )
    .await;
    let mut client = primary.client().await;
    for _ in 0..200 {
        // Writes reach it only after its first word, up to a second after it is said to be online.
        let (acks,): (u32,) = redis::pipe()
            .cmd("INCR")
            .arg("in-step")
            .ignore()
            .cmd("WAIT")
            .arg(&[1, 100])
            .query_async(&mut client)
            .await
            .unwrap();
        if acks == 1 {
            return replica;
        }
        sleep(ms(50)).await;
    }
    panic!("the replica does not come");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_replicas_are_no_claim_and_no_dead_letter() {
    if !can_start() {
        return;
    }
    let directories = [Directory::default(), Directory::default()];
    let (primary, mut replica) = pair(&directories).await;
    let store = RedisStore::builder(primary.url())
        .min_replicas_ack(1, ms(300))
        .connect()
        .await
        .unwrap();
    let store = Arc::new(store);
    // Many at once: `WAIT` holds nobody up for long.
    let claims = join_all((0..64).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { done(&store, key()).await })
    }));
    claims.await.into_iter().for_each(Result::unwrap);
    let (running, failing, handled, delivery) = (key(), key(), key(), key());
    let (token, _) = token_of(claim(&store, running, Some(delivery), LONG).await);
    let (dying, _) = granted(&store, failing, LONG).await;
    let (ending, _) = granted(&store, handled, LONG).await;

    let port = replica.port;
    drop(replica);
    let fresh = key();
    for delivery in [None, Some(key())] {
        let refused = store.claim(Claim::new(fresh, delivery, LONG)).await;
        assert!(refused.unwrap_err().to_string().contains("min_replicas_ack"));
        assert!(matches!(
            store.status(fresh).await.unwrap(),
            Status::Absent | Status::Released { attempt: 0, .. }
        ));
    }
    // What needs no claim is answered.
    let busy = claim(&store, running, Some(delivery), LONG).await;
    assert!(matches!(busy.verdict, Verdict::Running { .. }), "{busy:?}");
    assert!(store.renew(running, token, LONG).await.is_err());
    let dead = || End::Dead(super::dead_letters::letter("{}"));
    assert!(store.finish(failing, dying, dead()).await.is_err());
    assert!(matches!(store.status(failing).await.unwrap(), Status::Running { token, .. } if token == dying));
    // It was handled: that is recorded as well as can be.
    assert_eq!(store.finish(handled, ending, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(claim(&store, handled, None, LONG).await.verdict, Verdict::Done);

    replica = self::replica(&directories[1], port, &primary).await;
    assert_eq!(store.finish(failing, dying, dead()).await.unwrap(), Held::Yes);
    assert_eq!(store.renew(running, token, LONG).await.unwrap(), Held::Yes);
    let (token, attempt) = granted(&store, fresh, LONG).await;
    assert_eq!(attempt, 1);
    assert_eq!(store.finish(fresh, token, End::Done).await.unwrap(), Held::Yes);
    drop(replica);
}

#[tokio::test]
async fn too_few_replicas_are_answered_503_and_nothing_is_run() {
    if !can_start() {
        return;
    }
    let directories = [Directory::default(), Directory::default()];
    let (primary, replica) = pair(&directories).await;
    let probe = Probe::default();
    let store = RedisStore::builder(primary.url()).min_replicas_ack(1, ms(200));
    let hooks = probe
        .hooks()
        .store(store.connect().await.unwrap())
        .build()
        .unwrap();
    let event = |id| Delivery::event("vault.connection.callable", id);
    assert_eq!(event("e1").call(&hooks).await.word(), "handled");
    let port = replica.port;
    drop(replica);
    let answer = event("e2").call(&hooks).await;
    assert!(
        answer.status == 503 && answer.retry_after().is_some(),
        "{answer:?}"
    );
    assert_eq!(event("e1").call(&hooks).await.word(), "duplicate");
    assert_eq!(probe.count(), 1);
    let _replica = self::replica(&directories[1], port, &primary).await;
    assert_eq!(event("e2").call(&hooks).await.word(), "handled");
    assert_eq!(probe.runs()[1].attempt, 1);
}

/// A failover that is asked for waits for the replica: nothing is lost, and the store follows.
#[tokio::test]
async fn sentinel_names_the_new_primary() {
    if !can_start() {
        return;
    }
    let directories = [Directory::default(), Directory::default()];
    let (primary, replica) = pair(&directories).await;
    let directory = Directory::default();
    let config = directory.path().join("sentinel.conf");
    let text = format!(
        "sentinel monitor mymaster 127.0.0.1 {} 1\nsentinel down-after-milliseconds mymaster 500\n",
        primary.port
    );
    std::fs::write(&config, text).unwrap();
    let sentinel = Server::sentinel(&config, free_port()).await;
    let store = RedisStore::sentinel([sentinel.url()], "mymaster")
        .connect()
        .await
        .unwrap();
    let (before, running) = (key(), key());
    done(&store, before).await;
    let (token, _) = granted(&store, running, LONG).await;

    // Sentinel has to have heard of the replica.
    let mut client = sentinel.client().await;
    let since = Instant::now();
    while redis::cmd("SENTINEL")
        .arg(&["FAILOVER", "mymaster"])
        .exec_async(&mut client)
        .await
        .is_err()
    {
        assert!(since.elapsed() < Duration::from_secs(30), "no failover");
        sleep(ms(200)).await;
    }
    // Whose role changes closes connections.
    let role = async |server: &Server| -> String {
        let Ok(mut client) = connect(&server.url()).await else {
            return String::new();
        };
        let role: redis::RedisResult<redis::Value> = redis::cmd("ROLE").query_async(&mut client).await;
        role.map_or_else(|_| String::new(), |role| format!("{role:?}"))
    };
    while !(role(&replica).await.contains("master") && role(&primary).await.contains("slave")) {
        assert!(since.elapsed() < Duration::from_secs(60), "no failover");
        sleep(ms(100)).await;
    }
    // The old primary is read-only now: the store finds the new one within the call.
    assert_eq!(store.finish(running, token, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(claim(&store, before, None, LONG).await.verdict, Verdict::Done);
    done(&store, key()).await;
    let keys: usize = redis::cmd("DBSIZE")
        .query_async(&mut replica.client().await)
        .await
        .unwrap();
    assert_eq!(keys, 4, "three records, and the counter");
}
