//! Dead letters: their list, their limits and their retention.

use super::{LONG, granted, key, ms, proxied};
use apideck_hooks::store::{DeadLetter, DeadLetterStore, End, Held, Key, Status, Store, Verdict};
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

async fn dead_letter(store: &RedisStore, body: &str) -> Key {
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

/// The time to live of a record.
async fn time_to_live(isolated: &Isolated, record: Key) -> Duration {
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

/// A model test found this: the finish moved the dead letter to the top of the list.
#[tokio::test]
async fn a_late_finish_leaves_the_order_of_dead_letters() {
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
    let dead_letters = store.list(None, 10).await.unwrap();
    assert_eq!(
        dead_letters.iter().map(|dead| dead.record).collect::<Vec<_>>(),
        [other, late]
    );
}

#[tokio::test]
async fn the_list_of_dead_letters_repairs_itself_after_a_crash() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let dead = dead_letter(&store, "{}").await;
    // A crash leaves an entry in the list for a record that runs, was released or does not exist.
    let (running, released, absent) = (key(), key(), key());
    granted(&store, running, LONG).await;
    let (token, _) = granted(&store, released, LONG).await;
    store.finish(released, token, End::Release).await.unwrap();
    for record in [running, released, absent] {
        put_on_list(&isolated, record, 9e15).await;
    }
    for limit in [1, 100] {
        let dead_letters = store.list(None, limit).await.unwrap();
        assert_eq!(
            dead_letters.iter().map(|dead| dead.record).collect::<Vec<_>>(),
            [dead]
        );
    }
    let left = listed(&isolated).await;
    assert_eq!(
        left.len(),
        2,
        "a running event may be dead-lettered at any moment"
    );
    assert!(left.contains(&running.to_bytes().to_vec()) && left.contains(&dead.to_bytes().to_vec()));
}

#[tokio::test]
async fn a_dead_letter_of_a_stale_owner_is_not_listed() {
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
async fn pages_continue_after_purged_and_handled_dead_letters() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let mut events = Vec::new();
    for _ in 0..9 {
        events.push(dead_letter(&store, "{}").await);
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
async fn a_dead_letter_omits_a_body_over_the_limit_and_reports_it() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated
        .builder()
        .dead_letter_body_limit(10)
        .connect()
        .await
        .unwrap();
    let fits = dead_letter(&store, "0123456789").await;
    assert_eq!(
        store.get(fits).await.unwrap().unwrap().letter,
        letter("0123456789")
    );
    let large = dead_letter(&store, "0123456789a").await;
    let dead = store.get(large).await.unwrap().unwrap();
    assert!(dead.letter.body.is_none());
    assert_eq!(
        dead.letter.error,
        "the body was too large to keep (11 bytes); no use"
    );
    assert!(matches!(store.status(large).await.unwrap(), Status::Dead { .. }));
    // Without a body there is nothing to replay.
    assert!(!store.release(large).await.unwrap());
    let probe = Probe::default();
    let hooks = probe.hooks().store(store).build().unwrap();
    let dead_letters = hooks.dead_letters().unwrap();
    assert_eq!(dead_letters.replay(large).await.unwrap(), Replayed::NoBody);
    assert_eq!(probe.count(), 0);
    assert!(dead_letters.purge(large).await.unwrap());
    assert_eq!(dead_letters.replay(large).await.unwrap(), Replayed::Unknown);
}

#[tokio::test]
async fn case_24_settled_records_expire_and_running_records_stay() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    // The test reads the times to live instead of waiting.
    let retention = Duration::from_secs(600);
    let store = isolated.builder().retention(retention).connect().await.unwrap();
    let (done, released, running) = (key(), key(), key());
    let (token, _) = granted(&store, done, LONG).await;
    store.finish(done, token, End::Done).await.unwrap();
    let (token, _) = granted(&store, released, LONG).await;
    store.finish(released, token, End::Release).await.unwrap();
    granted(&store, running, LONG).await;
    let dead = dead_letter(&store, "{}").await;
    assert!(matches!(store.status(done).await.unwrap(), Status::Done { .. }));
    assert!(matches!(store.status(dead).await.unwrap(), Status::Dead { .. }));
    for event in [released, dead] {
        let left = time_to_live(&isolated, event).await;
        assert!(left <= retention && left > retention / 2, "{left:?}");
    }
    // The retention of a running record begins after its lease. A record that was done at once is
    // kept for as long.
    for event in [running, done] {
        let left = time_to_live(&isolated, event).await;
        assert!(left > retention && left <= retention + 100 * LONG, "{left:?}");
    }

    // A record expires after a short retention.
    let store = isolated.builder().retention(ms(1500)).connect().await.unwrap();
    let mut over = vec![key(), key()];
    for (event, end) in over.iter().zip([End::Done, End::Release]) {
        let (token, _) = granted(&store, *event, ms(5)).await;
        store.finish(*event, token, end).await.unwrap();
    }
    over.push(dead_letter(&store, "{}").await);
    for event in &over {
        until("it is forgotten", async || {
            store.status(*event).await.unwrap() == Status::Absent
        })
        .await;
    }
    assert_eq!(granted(&store, over[0], LONG).await.1, 1);
    // The sweeper removes the entries of the list.
    assert!(store.purge(dead).await.unwrap());
    until("the list is swept", async || listed(&isolated).await.is_empty()).await;
}

#[tokio::test]
async fn the_sweeper_keeps_released_dead_letters_and_ends_with_the_store() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    // This store sweeps once a second. The dead letter has the retention of the other store.
    let (proxy, sweeping) = proxied(&isolated).await;
    let sweeping = sweeping.retention(ms(1000));
    let store = isolated.store().await;
    let event = dead_letter(&store, "{}").await;
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
    assert_eq!(listed(&isolated).await.len(), 2, "no sweeper runs");
    assert_eq!(store.list(None, 9).await.unwrap().len(), 1);
    assert!(matches!(
        super::claim(&store, event, None, LONG).await.verdict,
        Verdict::Granted { .. }
    ));
}
