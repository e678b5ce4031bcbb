//! What was set aside: its list, its limits, its end.

use super::{LONG, granted, key, ms, proxied};
use apideck_hooks::store::{DeadLetter, DeadLetters, End, Held, Key, Status, Store, Verdict};
use apideck_hooks::{RedisStore, Replayed};
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::waiting::until;
use bytes::Bytes;
use std::time::Duration;
use tokio::time::sleep;

pub(super) fn letter(body: &str) -> DeadLetter {
    DeadLetter {
        source: "source".to_owned(),
        event_type: "vault.connection.created".to_owned(),
        event_id: "e1".to_owned(),
        error: "no use".to_owned(),
        body: Some(Bytes::from(body.to_owned())),
    }
}

async fn set_aside(store: &RedisStore, body: &str) -> Key {
    let event = key();
    let (token, _) = granted(store, event, LONG).await;
    assert_eq!(
        store.finish(event, token, End::Dead(letter(body))).await.unwrap(),
        Held::Yes
    );
    event
}

async fn put_on_list(isolated: &Isolated, record: Key, score: f64) {
    redis::cmd("ZADD")
        .arg(format!("{}:dead", isolated.prefix))
        .arg(score)
        .arg(&record.to_bytes()[..])
        .exec_async(&mut isolated.client().await)
        .await
        .unwrap();
}

/// How long a record is still kept.
async fn left(isolated: &Isolated, record: Key) -> Duration {
    let left: u64 = redis::cmd("PTTL")
        .arg(format!("{}:r:{record}", isolated.prefix))
        .query_async(&mut isolated.client().await)
        .await
        .unwrap();
    ms(left)
}

async fn listed(isolated: &Isolated) -> Vec<Vec<u8>> {
    redis::cmd("ZRANGE")
        .arg(format!("{}:dead", isolated.prefix))
        .arg(0)
        .arg(-1)
        .query_async(&mut isolated.client().await)
        .await
        .unwrap()
}

/// Found by the model: it had moved to the top of the list.
#[tokio::test]
async fn a_late_end_leaves_a_letter_in_its_place() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (late, other) = (key(), key());
    let (token, _) = granted(&store, late, LONG).await;
    for event in [late, other] {
        let token = if event == late {
            token
        } else {
            granted(&store, other, LONG).await.0
        };
        let held = store.finish(event, token, End::Dead(letter("{}"))).await.unwrap();
        assert_eq!(held, Held::Yes);
    }
    let again = store.finish(late, token, End::Dead(letter("{}"))).await.unwrap();
    assert_eq!(again, Held::Lost);
    let letters = store.list(None, 10).await.unwrap();
    assert_eq!(
        letters.iter().map(|dead| dead.record).collect::<Vec<_>>(),
        [other, late]
    );
}

#[tokio::test]
async fn a_crash_before_the_record_is_dead_loses_nothing_and_the_list_repairs_itself() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let dead = set_aside(&store, "{}").await;
    // What a crash leaves: a place on the list, of a record that runs, was released, or is not there.
    let (running, released, absent) = (key(), key(), key());
    granted(&store, running, LONG).await;
    let (token, _) = granted(&store, released, LONG).await;
    store.finish(released, token, End::Release).await.unwrap();
    for record in [running, released, absent] {
        put_on_list(&isolated, record, 9e15).await;
    }
    for limit in [1, 100] {
        let letters = store.list(None, limit).await.unwrap();
        assert_eq!(letters.iter().map(|dead| dead.record).collect::<Vec<_>>(), [dead]);
    }
    let left = listed(&isolated).await;
    assert_eq!(left.len(), 2, "who runs may be set aside any moment");
    assert!(left.contains(&running.to_bytes().to_vec()) && left.contains(&dead.to_bytes().to_vec()));
}

#[tokio::test]
async fn a_letter_that_came_too_late_is_not_listed() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let event = key();
    let (token, _) = granted(&store, event, LONG).await;
    store.finish(event, token, End::Done).await.unwrap();
    let late = store.finish(event, token, End::Dead(letter("{}"))).await.unwrap();
    assert_eq!(late, Held::Lost);
    assert!(listed(&isolated).await.is_empty());
}

#[tokio::test]
async fn pages_go_on_after_letters_that_were_purged_or_handled() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let mut events = Vec::new();
    for _ in 0..9 {
        events.push(set_aside(&store, "{}").await);
    }
    events.reverse();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.list(before, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.cursor);
        for dead in &page {
            seen.push(dead.record);
            if seen.len() % 2 == 0 {
                assert!(store.purge(dead.record).await.unwrap());
            } else {
                assert!(store.release(dead.record).await.unwrap());
                let (token, _) = granted(&store, dead.record, LONG).await;
                store.finish(dead.record, token, End::Done).await.unwrap();
            }
        }
    }
    assert_eq!(seen, events);
    assert!(store.list(None, 100).await.unwrap().is_empty());
    assert!(listed(&isolated).await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_kept_and_says_so() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated
        .builder()
        .dead_letter_body_limit(10)
        .connect()
        .await
        .unwrap();
    let fits = set_aside(&store, "0123456789").await;
    assert_eq!(
        store.get(fits).await.unwrap().unwrap().letter,
        letter("0123456789")
    );
    let large = set_aside(&store, "0123456789a").await;
    let dead = store.get(large).await.unwrap().unwrap();
    assert!(dead.letter.body.is_none());
    assert_eq!(
        dead.letter.error,
        "the body was too large to keep (11 bytes); no use"
    );
    assert!(matches!(store.status(large).await.unwrap(), Status::Dead { .. }));
    // There is nothing that could be handed to a handler.
    assert!(!store.release(large).await.unwrap());
    let probe = Probe::default();
    let hooks = probe.hooks().store(store).build().unwrap();
    let letters = hooks.dead_letters().unwrap();
    assert_eq!(letters.replay(large).await.unwrap(), Replayed::NoBody);
    assert_eq!(probe.count(), 0);
    assert!(letters.purge(large).await.unwrap());
    assert_eq!(letters.replay(large).await.unwrap(), Replayed::Unknown);
}

#[tokio::test]
async fn case_24_what_is_settled_is_kept_for_its_retention_and_what_runs_is_kept() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    // What is kept is seen by how long it is to be, and not by waiting for it.
    let retention = Duration::from_secs(600);
    let store = isolated.builder().retention(retention).connect().await.unwrap();
    let (done, released, running) = (key(), key(), key());
    let (token, _) = granted(&store, done, LONG).await;
    store.finish(done, token, End::Done).await.unwrap();
    let (token, _) = granted(&store, released, LONG).await;
    store.finish(released, token, End::Release).await.unwrap();
    granted(&store, running, LONG).await;
    let dead = set_aside(&store, "{}").await;
    assert!(matches!(store.status(done).await.unwrap(), Status::Done { .. }));
    assert!(matches!(store.status(dead).await.unwrap(), Status::Dead { .. }));
    for event in [released, dead] {
        let left = left(&isolated, event).await;
        assert!(left <= retention && left > retention / 2, "{left:?}");
    }
    // After its lease, too; and what was done at once as long as that.
    for event in [running, done] {
        let left = left(&isolated, event).await;
        assert!(left > retention && left <= retention + 100 * LONG, "{left:?}");
    }

    // And no longer.
    let store = isolated.builder().retention(ms(1500)).connect().await.unwrap();
    let mut over = vec![key(), key()];
    for (event, end) in over.iter().zip([End::Done, End::Release]) {
        let (token, _) = granted(&store, *event, ms(5)).await;
        store.finish(*event, token, end).await.unwrap();
    }
    over.push(set_aside(&store, "{}").await);
    for event in &over {
        until("it is forgotten", async || {
            store.status(*event).await.unwrap() == Status::Absent
        })
        .await;
    }
    assert_eq!(granted(&store, over[0], LONG).await.1, 1);
    // The sweeper follows, for what is as old to this store.
    assert!(store.purge(dead).await.unwrap());
    until("the list is swept", async || listed(&isolated).await.is_empty()).await;
}

#[tokio::test]
async fn the_sweeper_leaves_letters_that_were_released_and_stops_with_its_store() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    // It sweeps once a second what is older than that; the letter's own retention is another store's.
    let (proxy, sweeping) = proxied(&isolated).await;
    let sweeping = sweeping.retention(ms(1000));
    let store = isolated.store().await;
    let event = set_aside(&store, "{}").await;
    assert!(store.release(event).await.unwrap());
    let gone = key();
    for record in [event, gone] {
        put_on_list(&isolated, record, 1.0).await;
    }
    let sweeper = sweeping.connect().await.unwrap();
    until("the list is swept", async || listed(&isolated).await.len() == 1).await;
    assert_eq!(listed(&isolated).await, [event.to_bytes().to_vec()]);
    drop(sweeper);
    until("the store has ended", async || proxy.open() == 0).await;
    put_on_list(&isolated, gone, 1.0).await;
    sleep(ms(2500)).await;
    assert_eq!(listed(&isolated).await.len(), 2, "nobody sweeps");
    assert_eq!(store.list(None, 9).await.unwrap().len(), 1);
    assert!(matches!(
        super::claim(&store, event, None, LONG).await.verdict,
        Verdict::Granted { .. }
    ));
}
