//! Replicas: `min_replicas_ack`, and Sentinel.

use super::{LONG, PATIENCE, SOURCE, claim, claim_of, dead, done, granted, key, ms, patient, run, verdict};
use apideck_hooks::RedisStore;
use apideck_hooks::store::{DeadLetterStore, End, Held, LetterFilter, RecordState, Store, Verdict};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::redis::client as connect;
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

/// Starts a primary and a replica that is in step.
async fn pair(directories: &[Directory; 2]) -> (Server, Server) {
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let options = [&options[..], &["--repl-diskless-sync-delay", "0"]].concat();
    let primary = Server::start(&directories[0], free_port(), &options).await;
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
    until("the replica is in step", async || {
        // The replica gets writes only after its first acknowledgement, up to a second after it is
        // online.
        let (acks,): (u32,) = redis::pipe()
            .cmd("INCR")
            .arg("in-step")
            .ignore()
            .cmd("WAIT")
            .arg(&[1, 100])
            .query_async(&mut client)
            .await
            .unwrap();
        acks == 1
    })
    .await;
    replica
}

/// A store whose writes one replica must acknowledge.
async fn acked_by_one(primary: &Server, within: Duration) -> RedisStore {
    let builder = RedisStore::builder(primary.url()).min_replicas_ack(1, within);
    let builder = builder.call_timeout(2 * PATIENCE).connect_timeout(PATIENCE);
    builder.connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_too_few_replicas_no_claim_and_no_end_is_acknowledged() {
    if !can_start() {
        return;
    }
    let directories = [Directory::default(), Directory::default()];
    let (primary, mut replica) = pair(&directories).await;
    // A healthy replica gets all the time that it takes.
    let store = Arc::new(acked_by_one(&primary, PATIENCE).await);
    let impatient = acked_by_one(&primary, ms(300)).await;
    // Many claims at once, because `WAIT` blocks its connection.
    let claims = join_all((0..64).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { done(&store, key()).await })
    }));
    claims.await.into_iter().for_each(Result::unwrap);
    let (event, alias) = (key(), key());
    let (running, _) = granted(&store, claim_of(event, Some(alias))).await;
    let failing = run(&store, key()).await;
    let handled = run(&store, key()).await;

    let port = replica.port;
    drop(replica);
    let calls = [claim_of(key(), None), claim_of(key(), Some(key()))];
    for call in &calls {
        // The claim that is sent again gets its grant, and waits for the replica again.
        for _ in 0..2 {
            let refused = impatient.claim(call.clone()).await.unwrap_err();
            assert!(refused.to_string().contains("min_replicas_ack"), "{refused}");
        }
    }
    // A duplicate and a renewal need no acknowledgement.
    let busy = claim(&impatient, event, Some(alias)).await;
    assert!(matches!(busy.verdict, Verdict::Running { .. }), "{busy:?}");
    assert_eq!(impatient.renew(running, LONG).await.unwrap(), Held::Yes);
    for _ in 0..2 {
        assert!(impatient.finish(failing, dead("{}")).await.is_err());
        assert!(impatient.finish(handled, End::Done).await.is_err());
    }
    let state = impatient.status(failing.record).await.unwrap().state;
    assert!(matches!(state, RecordState::Running { .. }), "{state:?}");

    replica = self::replica(&directories[1], port, &primary).await;
    assert_eq!(store.finish(failing, dead("{}")).await.unwrap(), Held::Yes);
    assert_eq!(store.count(SOURCE, &LetterFilter::new()).await.unwrap(), 1);
    assert_eq!(store.finish(handled, End::Done).await.unwrap(), Held::Yes);
    for call in calls {
        let (grant, attempt) = granted(&store, call).await;
        assert_eq!(attempt, 1);
        assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
    }
    drop(replica);
}

/// A failover could lose letters of a server with replicas, if no replica acknowledges them.
#[tokio::test]
async fn a_server_with_replicas_keeps_letters_only_with_acknowledgements() {
    if !can_start() {
        return;
    }
    let directories = [Directory::default(), Directory::default()];
    let (primary, _replica) = pair(&directories).await;
    let store = super::store_on(&primary).await;
    assert!(store.dead_letters().is_none());
    assert!(acked_by_one(&primary, PATIENCE).await.dead_letters().is_some());
}

#[tokio::test]
async fn with_too_few_replicas_an_event_is_503_and_does_not_run() {
    if !can_start() {
        return;
    }
    let directories = [Directory::default(), Directory::default()];
    let (primary, replica) = pair(&directories).await;
    let probe = Probe::default();
    let hooks = async |within| {
        let store = acked_by_one(&primary, within).await;
        patient(&probe, store).build().unwrap()
    };
    let (impatient, hooks) = (hooks(ms(200)).await, hooks(PATIENCE).await);
    let event = |id| event("vault.connection.callable", id);
    event("e1").call(&hooks).await.assert_handled();
    let port = replica.port;
    drop(replica);
    let reply = event("e2").call(&impatient).await;
    assert!(reply.code() == 503 && reply.retry_after().is_some(), "{reply:?}");
    event("e1").call(&impatient).await.assert_duplicate();
    assert_eq!(probe.count(), 1);
    let _replica = self::replica(&directories[1], port, &primary).await;
    // The receiver takes the claim without an acknowledgement back.
    until("it is handled", async || {
        event("e2").call(&hooks).await.outcome() == "handled"
    })
    .await;
    assert_eq!((probe.count(), probe.runs()[1].attempt), (2, 1));
}

/// A requested failover waits for the replica, so that no write is lost.
#[tokio::test]
async fn the_store_follows_sentinel_to_the_new_primary() {
    if !can_start() {
        return;
    }
    let directories = [Directory::default(), Directory::default()];
    let (primary, replica) = pair(&directories).await;
    let directory = Directory::default();
    let text = format!(
        "sentinel monitor mymaster 127.0.0.1 {} 1\nsentinel down-after-milliseconds mymaster 600000\n",
        primary.port
    );
    std::fs::write(directory.file("sentinel.conf"), text).unwrap();
    let sentinel = Server::sentinel(&directory, "sentinel.conf", free_port()).await;
    let store = RedisStore::sentinel([sentinel.url()], "mymaster").call_timeout(PATIENCE);
    let store = store.connect_timeout(PATIENCE).connect().await.unwrap();
    let (before, running) = (key(), key());
    done(&store, before).await;
    let grant = run(&store, running).await;

    // Redis replicates later than it answers, and a failover loses what was not replicated.
    let offset = async |server: &Server| -> Option<String> {
        let info: String = redis::cmd("INFO")
            .arg("replication")
            .query_async(&mut server.client().await)
            .await
            .unwrap();
        let offset = info
            .lines()
            .find_map(|line| line.strip_prefix("master_repl_offset:"))?;
        Some(offset.to_owned())
    };
    until("the replica has all writes", async || {
        let wanted = offset(&primary).await;
        wanted.is_some() && wanted == offset(&replica).await
    })
    .await;
    // Sentinel must have found the replica.
    let mut client = sentinel.client().await;
    until("a failover begins", async || {
        let failover = redis::cmd("SENTINEL")
            .arg(&["FAILOVER", "mymaster"])
            .exec_async(&mut client)
            .await;
        failover.is_ok()
    })
    .await;
    // A server closes its connections when its role changes.
    let role = async |server: &Server| -> String {
        let Ok(mut client) = connect(&server.url()).await else {
            return String::new();
        };
        let role: redis::RedisResult<redis::Value> = redis::cmd("ROLE").query_async(&mut client).await;
        role.map_or_else(|_| String::new(), |role| format!("{role:?}"))
    };
    until("the failover ends", async || {
        role(&replica).await.contains("master") && role(&primary).await.contains("slave")
    })
    .await;
    // The old primary is read-only now. The store finds the new one within the call.
    assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(verdict(&store, before).await, Verdict::Done);
    done(&store, key()).await;
    let keys: usize = redis::cmd("DBSIZE")
        .query_async(&mut replica.client().await)
        .await
        .unwrap();
    assert_eq!(keys, 5, "three records, the format and the counter");
}
