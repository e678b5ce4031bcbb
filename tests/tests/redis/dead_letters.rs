//! Dead letters: their list and their life.

use super::{
    LONG, RELEASE, SOURCE, claim_of, dead, dead_letter, done, key, letter, ms, patient, proxied, run, verdict,
};
use apideck_hooks::store::{
    Claim, DeadLetterStore, End, Grant, Held, Key, LastDelivery, LetterFilter, Purged, RecordState, Store,
    Verdict,
};
use apideck_hooks::{Disposition, RedisStore};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::redis::proxy::Mode;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

fn all() -> LetterFilter {
    LetterFilter::new()
}

async fn put_on_list(isolated: &Isolated, record: Key, score: f64) {
    redis::cmd("ZADD")
        .arg(format!("{}:letters:{SOURCE}", isolated.prefix))
        .arg(score)
        .arg(record.to_string())
        .exec_async(&mut isolated.client().await)
        .await
        .unwrap();
}

/// The records on the list, also those without a letter, newest first.
async fn places(isolated: &Isolated) -> Vec<String> {
    redis::cmd("ZREVRANGE")
        .arg(format!("{}:letters:{SOURCE}", isolated.prefix))
        .arg(&[0, -1])
        .query_async(&mut isolated.client().await)
        .await
        .unwrap()
}

async fn listed(store: &RedisStore) -> Vec<Key> {
    let letters = store.list(SOURCE, &all(), None, 100).await.unwrap();
    letters.iter().map(|dead| dead.record).collect()
}

/// The time to live of a record. Negative without one.
async fn time_to_live(isolated: &Isolated, record: Key) -> i64 {
    redis::cmd("PTTL")
        .arg(format!("{}:record:{record}", isolated.prefix))
        .query_async(&mut isolated.client().await)
        .await
        .unwrap()
}

async fn replayed(store: &RedisStore, record: Key) -> Grant {
    let claim = Claim::new(record, LONG);
    match store.replay(SOURCE, claim.clone()).await.unwrap() {
        Some(Verdict::Granted { token, .. }) => Grant::new(record, token, claim.id),
        other => panic!("{other:?}"),
    }
}

/// The order is that of the letters that were written, not of the calls.
#[tokio::test]
async fn a_late_end_leaves_the_order_of_dead_letters() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let late = run(&store, key()).await;
    assert_eq!(store.finish(late, dead("{}")).await.unwrap(), Held::Yes);
    let other = dead_letter(&store, "{}").await;
    // The same end again, and the end of a lost run.
    assert_eq!(store.finish(late, dead("{}")).await.unwrap(), Held::Yes);
    let replay = replayed(&store, late.record).await;
    assert_eq!(store.finish(late, dead("{}")).await.unwrap(), Held::Lost);
    assert_eq!(listed(&store).await, [other, late.record]);
    // A letter that replaces another one is the newest.
    assert_eq!(store.finish(replay, dead("{}")).await.unwrap(), Held::Yes);
    assert_eq!(listed(&store).await, [late.record, other]);
    let times = store.list(SOURCE, &all(), None, 9).await.unwrap();
    for dead in times {
        assert_eq!(store.get(SOURCE, dead.record).await.unwrap(), Some(dead));
    }
}

#[tokio::test]
async fn a_dead_letter_of_a_lost_run_has_no_place() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let grant = run(&store, key()).await;
    store.finish(grant, End::Done).await.unwrap();
    assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::Lost);
    assert!(places(&isolated).await.is_empty());
}

/// A crash leaves a place without a letter. The list does not show it, and removes it once no
/// letter can be written for it any more.
#[tokio::test]
async fn a_place_without_a_letter_is_ignored_and_removed() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let kept = dead_letter(&store, "{}").await;
    let place = store.get(SOURCE, kept).await.unwrap().unwrap().cursor.at as f64;
    let running = run(&store, key()).await;
    put_on_list(&isolated, running.record, place + 1.0).await;
    put_on_list(&isolated, key(), place - 25.0 * 3600.0 * 1e6).await;
    assert_eq!(store.count(SOURCE, &all()).await.unwrap(), 1);
    assert_eq!(store.sources().await.unwrap(), [(SOURCE.to_owned(), 1)]);
    for limit in [1, 100] {
        let letters = store.list(SOURCE, &all(), None, limit).await.unwrap();
        assert_eq!(letters.iter().map(|dead| dead.record).collect::<Vec<_>>(), [kept]);
    }
    let places = places(&isolated).await;
    assert_eq!(places, [running.record.to_string(), kept.to_string()]);
    // The letter that is written for the young place is listed.
    assert_eq!(store.finish(running, dead("{}")).await.unwrap(), Held::Yes);
    assert_eq!(listed(&store).await, [running.record, kept]);
}

/// After a clock that was ahead was set back, the times of new places are ahead of it. They are
/// removed with their letters all the same.
#[tokio::test]
async fn a_place_that_is_ahead_of_the_clock_is_removed() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let kept = dead_letter(&store, "{}").await;
    let clock = store.get(SOURCE, kept).await.unwrap().unwrap().cursor.at;
    let ahead = clock + 48 * 3600 * 1_000_000;
    let other = key();
    put_on_list(&isolated, other, ahead as f64).await;
    let (handled, purged) = (dead_letter(&store, "{}").await, dead_letter(&store, "{}").await);
    assert_eq!(listed(&store).await, [purged, handled, kept]);
    assert!(store.get(SOURCE, handled).await.unwrap().unwrap().cursor.at > ahead);
    let grant = replayed(&store, handled).await;
    assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(store.purge(SOURCE, purged).await.unwrap(), Purged::Yes);
    // And a place for which no letter was written.
    let lost = run(&store, key()).await;
    store.finish(lost, End::Done).await.unwrap();
    assert_eq!(store.finish(lost, dead("{}")).await.unwrap(), Held::Lost);
    // One that is without a letter stays until it is old.
    assert_eq!(places(&isolated).await, [other.to_string(), kept.to_string()]);
}

/// The list of letters shows each letter that was acknowledged, while others are written, replaced,
/// handled and purged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_letter_is_listed_at_every_moment() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let store = Arc::new(builder.connect().await.unwrap());
    let kept = dead_letter(&store, "{}").await;
    proxy.set(Mode::Jitter);
    let work = join_all((0..8).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..5 {
                let record = dead_letter(&store, "{}").await;
                if n % 2 == 0 {
                    assert_eq!(store.purge(SOURCE, record).await.unwrap(), Purged::Yes);
                } else {
                    let grant = replayed(&store, record).await;
                    assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::Yes);
                    let grant = replayed(&store, record).await;
                    assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
                }
            }
        })
    }));
    let look = async {
        for _ in 0..20 {
            // Its own replays fail, and replace it.
            let grant = replayed(&store, kept).await;
            assert!(listed(&store).await.contains(&kept));
            assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::Yes);
            assert!(listed(&store).await.contains(&kept));
        }
    };
    let (work, ()) = tokio::join!(work, look);
    work.into_iter().for_each(Result::unwrap);
    assert_eq!(listed(&store).await, [kept]);
    assert_eq!(places(&isolated).await, [kept.to_string()]);
}

/// Case 24. Settled records expire. Running ones stay a retention longer than their lease, and
/// records with a letter stay.
#[tokio::test]
async fn case_24_records_expire_and_letters_do_not() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let retention = Duration::from_secs(100);
    let store = isolated.builder().retention(retention).connect().await.unwrap();
    let (settled, released, running, lettered) = (key(), key(), key(), key());
    done(&store, settled).await;
    let grant = run(&store, released).await;
    store.finish(grant, RELEASE).await.unwrap();
    run(&store, running).await;
    let kept = dead_letter(&store, "{}").await;
    let mut last = claim_of(lettered, None);
    last.last = Some(Box::new(LastDelivery::new(letter("{}"))));
    assert!(store.claim(last).await.unwrap().lettered);
    let most = (retention + LONG).as_millis() as i64 + 1;
    for record in [settled, released, running] {
        let left = time_to_live(&isolated, record).await;
        assert!(left > most - 60_000 && left <= most, "{left}");
    }
    for record in [kept, lettered] {
        assert_eq!(time_to_live(&isolated, record).await, -1);
    }
    isolated.age(LONG + retention).await;
    for record in [settled, released, running] {
        assert_eq!(store.status(record).await.unwrap().state, RecordState::Absent);
    }
    assert_eq!(store.status(kept).await.unwrap().state, RecordState::Dead);
    assert_eq!(listed(&store).await, [lettered, kept]);
    // A settled or purged letter has a time to live again, from then on.
    let grant = replayed(&store, kept).await;
    assert_eq!(time_to_live(&isolated, kept).await, -1);
    assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(store.purge(SOURCE, lettered).await.unwrap(), Purged::Yes);
    for record in [kept, lettered] {
        let left = time_to_live(&isolated, record).await;
        assert!(left > retention.as_millis() as i64 / 2 && left <= most, "{left}");
        assert_eq!(verdict(&store, record).await, Verdict::Done);
    }
}

/// Case 30. Two sources share a Redis and see their own letters.
#[tokio::test]
async fn case_30_sources_are_independent() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::new([Step::Refuse, Step::Refuse]);
    let mut receivers = Vec::new();
    for source in ["billing", "hr"] {
        let store = isolated.store().await;
        receivers.push(patient(&probe, store).source(source).build().unwrap());
    }
    let delivery = event("vault.connection.callable", "e1");
    for hooks in &receivers {
        delivery.call(hooks).await.assert_dead_lettered();
    }
    let letters = receivers[0].dead_letters().unwrap();
    let both = [("billing".to_owned(), 1), ("hr".to_owned(), 1)];
    assert_eq!(letters.sources().await.unwrap(), both);
    let own = letters.list(&all(), None, 10).await.unwrap();
    assert_eq!(own.len(), 1);
    let others = receivers[1].dead_letters().unwrap();
    assert_eq!(others.get(own[0].record).await.unwrap(), None);
    assert_eq!(others.purge(own[0].record).await.unwrap(), Purged::Unknown);
    assert_eq!(
        others.replay(own[0].record).await.unwrap().disposition,
        Disposition::Duplicate
    );
    let replayed = letters.replay(own[0].record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::Handled);
    assert_eq!(letters.sources().await.unwrap(), both[1..]);
    assert_eq!(probe.count(), 3);
}

/// Case 34. Replays, purges and deliveries of one letter at once. Each answer is true of the store
/// afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_34_replays_and_purges_at_once_agree() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let store = Arc::new(builder.connect().await.unwrap());
    proxy.set(Mode::Jitter);
    for _ in 0..30 {
        let record = dead_letter(&store, "{}").await;
        let replays = join_all((0..4).map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let claim = Claim::new(record, LONG);
                tokio::time::sleep(ms(n)).await;
                store.replay(SOURCE, claim).await.unwrap()
            })
        }));
        let (replays, purged) = tokio::join!(replays, store.purge(SOURCE, record));
        let granted = replays
            .into_iter()
            .filter(|replay| matches!(replay.as_ref().unwrap(), Some(Verdict::Granted { .. })))
            .count();
        let status = store.status(record).await.unwrap();
        match purged.unwrap() {
            Purged::Yes => assert_eq!((granted, status.state), (0, RecordState::Done)),
            Purged::Busy => assert!(granted == 1 && status.kept, "{granted} {status:?}"),
            other => panic!("{other:?}"),
        }
    }
}
