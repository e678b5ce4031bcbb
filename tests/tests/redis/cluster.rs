//! A cluster of three servers.

use super::{LONG, PATIENCE, claim, connected, done, granted, key, ms, token_of};
use apideck_hooks::store::{Claim, DeadLetterStore, End, Held, Status, Store, Verdict};
use apideck_hooks::{RedisStore, Replayed, store_conformance};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::redis::cluster::Cluster;
use apideck_hooks_tests::redis::prefix;
use apideck_hooks_tests::redis::server::can_start;
use apideck_hooks_tests::waiting::{GENEROUS, until};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OnceCell;

/// The cluster that the tests of this process share. It ends with the process.
static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

async fn store() -> Option<RedisStore> {
    if !can_start() {
        return None;
    }
    let cluster = CLUSTER.get_or_init(Cluster::start).await;
    let store = RedisStore::cluster(cluster.urls())
        .prefix(prefix())
        .call_timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        .connect()
        .await;
    Some(store.expect("the cluster"))
}

store_conformance!(of_three, async { store().await });

#[tokio::test]
async fn a_single_server_of_a_cluster_is_refused() {
    if store().await.is_none() {
        return;
    }
    let url = CLUSTER.get().unwrap().urls().remove(0);
    let refused = RedisStore::connect(url).await.unwrap_err();
    assert!(refused.to_string().contains("RedisStore::cluster"), "{refused}");
}

#[tokio::test]
async fn whole_deliveries_work_on_a_cluster() {
    let Some(store) = store().await else { return };
    let probe = Probe::new([Step::Fail, Step::Succeed, Step::Refuse]);
    let hooks = probe.patient_hooks().store(store).build().unwrap();
    let event = |id| Delivery::event("vault.connection.callable", id);
    for word in ["500", "handled", "duplicate"] {
        assert_eq!(event("e1").call(&hooks).await.word(), word);
    }
    let reused = event("e2").header("x-apideck-idempotency-key", "key-of-e1");
    assert_eq!(reused.call(&hooks).await.word(), "duplicate");
    assert_eq!(event("e3").call(&hooks).await.word(), "dead_lettered");
    let dead_letters = hooks.dead_letters().unwrap();
    let dead = dead_letters.list(None, 10).await.unwrap().remove(0);
    assert_eq!(dead_letters.replay(dead.record).await.unwrap(), Replayed::Done);
    assert_eq!(event("e3").call(&hooks).await.word(), "duplicate");
    assert_eq!(probe.count(), 4);
}

#[tokio::test]
async fn the_store_follows_moving_slots() {
    let Some(store) = store().await else { return };
    let cluster = CLUSTER.get().unwrap();
    let store = Arc::new(store);
    let moving = cluster.move_slots(1000);
    let work = async {
        for _ in 0..20 {
            let deliveries = join_all((0..16).map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let (event, delivery) = (key(), key());
                    let claimed = claim(&store, event, Some(delivery), LONG).await;
                    let (token, attempt) = token_of(claimed);
                    assert_eq!(attempt, 1);
                    assert_eq!(store.finish(event, token, End::Done).await.unwrap(), Held::Yes);
                    let again = claim(&store, key(), Some(delivery), LONG).await;
                    assert_eq!((again.record, again.verdict), (event, Verdict::Done));
                })
            }));
            deliveries.await.into_iter().for_each(Result::unwrap);
        }
    };
    tokio::join!(moving, work);
}

/// This test has a cluster of its own.
#[tokio::test]
async fn a_server_that_is_killed_and_started_again() {
    if !can_start() {
        return;
    }
    let mut cluster = Cluster::start().await;
    let patient = RedisStore::cluster(cluster.urls()).call_timeout(PATIENCE);
    let patient = patient.connect_timeout(PATIENCE).connect().await.unwrap();
    let store = RedisStore::cluster(cluster.urls()).call_timeout(ms(500));
    let store = connected(&store.connect_timeout(ms(1000))).await;
    let events: Vec<_> = (0..30).map(|_| key()).collect();
    let mut tokens = Vec::new();
    for event in &events {
        tokens.push(granted(&patient, *event, 2 * GENEROUS).await.0);
    }
    cluster.kill(0);
    let asked = Instant::now();
    let mut failed = 0;
    for _ in 0..10 {
        failed += usize::from(store.claim(Claim::new(key(), None, LONG)).await.is_err());
    }
    assert!(failed > 0, "a third of the keys is out of reach");
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    cluster.restart(0).await;
    for (event, token) in events.iter().zip(tokens) {
        // `Lost` counts as a success: an earlier call that timed out may have recorded the end.
        until("it is settled", async || {
            store.finish(*event, token, End::Done).await.is_ok()
        })
        .await;
        assert_eq!(patient.status(*event).await.unwrap(), Status::Done { token });
        assert_eq!(claim(&patient, *event, None, LONG).await.verdict, Verdict::Done);
    }
    done(&patient, key()).await;
    assert!(patient.list(None, 10).await.unwrap().is_empty());
}
