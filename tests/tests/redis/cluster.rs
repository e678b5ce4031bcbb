//! A cluster of three servers.

use super::{
    LONG, PATIENCE, RELEASE, claim, claim_of, connected, dead, done, granted, key, ms, patient, run, verdict,
};
use apideck_hooks::store::{Claim, DeadLetterStore, End, Held, LetterFilter, RecordState, Store, Verdict};
use apideck_hooks::{Disposition, RedisStore, store_conformance};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::redis::cluster::Cluster;
use apideck_hooks_tests::redis::prefix;
use apideck_hooks_tests::redis::server::can_start;
use apideck_hooks_tests::waiting::until;
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
async fn case_05_whole_deliveries_work_on_a_cluster() {
    let Some(store) = store().await else { return };
    let probe = Probe::new([Step::Fail, Step::Succeed, Step::Refuse]);
    let hooks = patient(&probe, store).build().unwrap();
    let event = |id| event("vault.connection.callable", id);
    for word in ["500", "handled", "duplicate"] {
        assert_eq!(event("e1").call(&hooks).await.outcome(), word);
    }
    event("e3").call(&hooks).await.assert_dead_lettered();
    event("e3").call(&hooks).await.assert_duplicate();
    let letters = hooks.dead_letters().unwrap();
    assert_eq!(letters.sources().await.unwrap(), [("tests".to_owned(), 1)]);
    let dead = letters
        .list(&LetterFilter::new(), None, 10)
        .await
        .unwrap()
        .remove(0);
    let replayed = letters.replay(dead.record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::Handled);
    event("e3").call(&hooks).await.assert_duplicate();
    assert_eq!(letters.count(&LetterFilter::new()).await.unwrap(), 0);
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
                    let (grant, attempt) = granted(&store, claim_of(event, Some(delivery))).await;
                    assert_eq!(attempt, 1);
                    assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
                    let again = claim(&store, key(), Some(delivery)).await;
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
    let mut grants = Vec::new();
    for _ in 0..30 {
        grants.push(run(&patient, key()).await);
    }
    cluster.kill(0);
    let asked = Instant::now();
    let mut failed = 0;
    for _ in 0..10 {
        failed += usize::from(store.claim(Claim::new(key(), LONG)).await.is_err());
    }
    assert!(failed > 0, "a third of the keys is out of reach");
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    cluster.restart(0).await;
    for (n, grant) in grants.into_iter().enumerate() {
        let end = if n % 3 == 0 { dead("{}") } else { End::Done };
        let state = if n % 3 == 0 {
            RecordState::Dead
        } else {
            RecordState::Done
        };
        until("it is settled", async || {
            matches!(store.finish(grant, end.clone()).await, Ok(Held::Yes))
        })
        .await;
        assert_eq!(patient.status(grant.record).await.unwrap().state, state);
    }
    done(&patient, key()).await;
    let letters = patient.count(super::SOURCE, &LetterFilter::new()).await.unwrap();
    assert_eq!(letters, 10);
    let grant = run(&patient, key()).await;
    assert_eq!(patient.finish(grant, RELEASE).await.unwrap(), Held::Yes);
    assert!(matches!(
        verdict(&patient, grant.record).await,
        Verdict::Granted { .. }
    ));
}
