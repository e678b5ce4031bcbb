//! Dead letters. A store without them passes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::time::sleep;

use super::support::{LONG, PAST_SHORT, SHORT, dead_letter, finish, granted, key, status};
use crate::store::{DeadLetter, DeadLetterStore, End, Held, Key, Status, Store, Token};

/// A dead letter survives a replay that crashes and a replay that fails.
pub async fn a_dead_letter_is_kept_until_it_is_handled(store: Arc<impl Store>) {
    let Some(dead_letters) = store.dead_letters() else {
        return;
    };
    let (event, token) = dead_lettered(&*store).await;
    let dead = dead_letters
        .get(event)
        .await
        .expect("a get")
        .expect("a dead letter");
    assert_eq!(
        (dead.record, dead.attempts, &dead.letter),
        (event, 1, &dead_letter())
    );
    let now = SystemTime::now();
    let age = now
        .duration_since(dead.since)
        .unwrap_or_else(|future| future.duration());
    assert!(age.as_secs() < 3600, "{age:?} ago");

    assert!(dead_letters.release(event).await.expect("a release"));
    assert_eq!(
        status(&*store, event).await,
        Status::Released { token, attempt: 0 }
    );
    let (second, attempt) = granted(&*store, event, SHORT).await;
    assert!(second > token && attempt == 1, "{token:?} {second:?} {attempt}");
    assert!(
        !dead_letters.release(event).await.expect("a release"),
        "the record is running"
    );
    assert!(
        !dead_letters.purge(event).await.expect("a purge"),
        "the record is running"
    );
    // The owner has crashed.
    sleep(PAST_SHORT).await;
    assert!(dead_letters.get(event).await.expect("a get").is_some());
    assert!(dead_letters.release(event).await.expect("a release"));
    let (third, _) = granted(&*store, event, LONG).await;
    assert_eq!(finish(&*store, event, second, End::Done).await, Held::Lost);
    assert_eq!(
        finish(&*store, event, third, End::Dead(dead_letter())).await,
        Held::Yes
    );
    assert!(dead_letters.get(event).await.expect("a get").is_some());

    assert!(dead_letters.release(event).await.expect("a release"));
    let (last, _) = granted(&*store, event, LONG).await;
    assert_eq!(finish(&*store, event, last, End::Done).await, Held::Yes);
    assert!(dead_letters.get(event).await.expect("a get").is_none());
    assert!(!dead_letters.release(event).await.expect("a release"));
    assert_eq!(status(&*store, event).await, Status::Done { token: last });
}

/// Without a body there is no event for a handler, so the record is not released.
pub async fn a_dead_letter_without_a_body_is_kept_and_cannot_be_released(store: Arc<impl Store>) {
    let Some(dead_letters) = store.dead_letters() else {
        return;
    };
    let letter = DeadLetter {
        body: None,
        ..dead_letter()
    };
    let event = key();
    let (token, _) = granted(&*store, event, LONG).await;
    let dead = End::Dead(letter.clone());
    assert_eq!(finish(&*store, event, token, dead).await, Held::Yes);
    let kept = dead_letters
        .get(event)
        .await
        .expect("a get")
        .expect("a dead letter");
    assert_eq!(kept.letter, letter);
    let listed = dead_letters.list(None, 1000).await.expect("a list");
    let listed = listed.into_iter().find(|dead| dead.record == event);
    assert_eq!(listed.expect("it is listed"), kept);
    assert!(
        !dead_letters.release(event).await.expect("a release"),
        "it has no body"
    );
    assert_eq!(status(&*store, event).await, Status::Dead { token });
    assert!(dead_letters.purge(event).await.expect("a purge"));
    assert!(dead_letters.get(event).await.expect("a get").is_none());
    // An empty body is a body.
    let letter = DeadLetter {
        body: Some(Bytes::new()),
        ..letter
    };
    let (token, _) = granted(&*store, event, LONG).await;
    let dead = End::Dead(letter.clone());
    assert_eq!(finish(&*store, event, token, dead).await, Held::Yes);
    let kept = dead_letters
        .get(event)
        .await
        .expect("a get")
        .expect("a dead letter");
    assert_eq!(kept.letter, letter);
    assert!(dead_letters.release(event).await.expect("a release"));
}

/// The order does not depend on the size of a page.
pub async fn dead_letters_are_listed_in_pages_newest_first(store: Arc<impl Store>) {
    let Some(dead_letters) = store.dead_letters() else {
        return;
    };
    let mut wanted = Vec::new();
    for _ in 0..5 {
        wanted.push(dead_lettered(&*store).await.0);
        // The pause gives each dead letter its own time, also on a clock that counts milliseconds.
        sleep(Duration::from_millis(5)).await;
    }
    wanted.reverse();
    for page in [1, 2, 100] {
        assert_eq!(
            listed(dead_letters, &wanted, page).await,
            wanted,
            "pages of {page}"
        );
    }
}

/// A cursor stays valid when its dead letter is purged, handled or dead-lettered again. The next
/// pages hold the older dead letters, each once.
pub async fn a_cursor_outlives_its_dead_letter(store: Arc<impl Store>) {
    let Some(dead_letters) = store.dead_letters() else {
        return;
    };
    let mut wanted = Vec::new();
    for _ in 0..7 {
        wanted.push(dead_lettered(&*store).await.0);
        sleep(Duration::from_millis(5)).await;
    }
    wanted.reverse();
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = dead_letters.list(before, 1).await.expect("a list");
        let Some(last) = page.last() else { break };
        before = Some(last.cursor);
        if !wanted.contains(&last.record) {
            continue;
        }
        found.push(last.record);
        match found.len() {
            1 | 4 => assert!(dead_letters.purge(last.record).await.expect("a purge")),
            2 | 5 => {
                assert!(dead_letters.release(last.record).await.expect("a release"));
                let (token, _) = granted(&*store, last.record, LONG).await;
                assert_eq!(finish(&*store, last.record, token, End::Done).await, Held::Yes);
            }
            3 | 6 => {
                assert!(dead_letters.release(last.record).await.expect("a release"));
                let (token, _) = granted(&*store, last.record, LONG).await;
                let dead = End::Dead(dead_letter());
                assert_eq!(finish(&*store, last.record, token, dead).await, Held::Yes);
            }
            _ => {}
        }
    }
    assert_eq!(found, wanted);
    // Events that were dead-lettered again are the newest now.
    assert_eq!(
        listed(dead_letters, &wanted, 2).await,
        [wanted[5], wanted[2], wanted[6]]
    );
}

/// A purged event is a new event if it comes again.
pub async fn a_dead_letter_can_be_purged(store: Arc<impl Store>) {
    let Some(dead_letters) = store.dead_letters() else {
        return;
    };
    let (event, _) = dead_lettered(&*store).await;
    assert!(dead_letters.purge(event).await.expect("a purge"));
    assert!(!dead_letters.purge(event).await.expect("a purge"));
    assert!(dead_letters.get(event).await.expect("a get").is_none());
    assert_eq!(granted(&*store, event, LONG).await.1, 1);
    assert!(
        !dead_letters.purge(key()).await.expect("a purge"),
        "it is unknown"
    );
}

/// Dead-letters a new event.
async fn dead_lettered(store: &dyn Store) -> (Key, Token) {
    let event = key();
    let (token, _) = granted(store, event, LONG).await;
    assert_eq!(
        finish(store, event, token, End::Dead(dead_letter())).await,
        Held::Yes
    );
    (event, token)
}

/// Returns the records among `wanted` in the order of the list, read in pages of `page`.
async fn listed(dead_letters: &dyn DeadLetterStore, wanted: &[Key], page: u32) -> Vec<Key> {
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let records = dead_letters.list(before, page).await.expect("a list");
        assert!(records.len() <= page as usize);
        let Some(last) = records.last() else { return found };
        before = Some(last.cursor);
        found.extend(
            records
                .iter()
                .map(|dead| dead.record)
                .filter(|record| wanted.contains(record)),
        );
    }
}
