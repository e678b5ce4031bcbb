//! What every store has to do, as tests: run them for a store with [`store_conformance!`](crate::store_conformance).
//!
//! Each test makes keys of its own, so they can share one database. Time is waited for with tokio's clock: a store that
//! lives by it can have it paused; one with a clock of its own takes real time, a few seconds for the whole suite.

use crate::store::{
    Claim, Claimed, DeadLetter, DeadLetterStore, End, Held, Key, MAX_ALIASES, Status, Store, Token, Verdict,
};
use bytes::Bytes;
use futures_util::future::join_all;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// Tests a store: `store_conformance!(name, async { store })`, where the expression makes a store that is empty or whose
/// keys are no test's, or an `Option` of one: none skips the test. It writes a module of that name with a
/// `#[tokio::test]` each, so the crate needs tokio with `macros`, `rt` and `time`. Arguments for `#[tokio::test]` may
/// stand before the expression.
///
/// ```
/// # fn main() {}
/// use apideck_hooks::{MemoryStore, store_conformance};
///
/// store_conformance!(memory, (start_paused = true), async { MemoryStore::new() });
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, $store:expr) => {
        $crate::store_conformance!($name, (), $store);
    };
    ($name:ident, ($($arguments:tt)*), $store:expr) => {
        $crate::store_conformance! {
            @ $name, ($($arguments)*), $store;
            a_claim_is_granted_once_and_remembered
            what_runs_is_busy_for_the_rest_of_its_lease
            a_release_keeps_the_attempt_and_the_token_grows
            what_is_dead_stays_dead
            a_lease_that_is_over_can_be_taken_and_its_owner_has_lost
            a_lease_that_was_not_taken_still_settles
            a_renewal_starts_the_lease_again
            what_is_settled_cannot_be_settled_again
            an_unknown_record_is_lost_and_absent
            a_token_of_the_future_is_lost
            a_delivery_key_resolves_to_its_first_record
            another_delivery_key_is_bound_too
            delivery_keys_are_bounded
            a_delivery_key_is_bound_whatever_became_of_the_claim
            one_of_many_concurrent_claims_is_granted
            concurrent_claims_under_one_delivery_key_are_one_record
            one_of_many_takes_over_a_lease_that_is_over
            a_dropped_call_leaves_a_record_that_ends
            a_dead_letter_is_kept_until_it_is_handled
            a_dead_letter_without_a_body_is_kept_and_cannot_be_released
            dead_letters_are_listed_in_pages_the_latest_first
            a_list_of_dead_letters_goes_on_from_a_place_whose_letter_is_gone
            a_dead_letter_can_be_purged
        }
    };
    (@ $name:ident, ($($arguments:tt)*), $store:expr; $($test:ident)*) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::store_conformance! { @@ ($($arguments)*) ($store) $($test)* }
        }
    };
    (@@ $arguments:tt $store:tt $first:ident $($rest:ident)*) => {
        $crate::store_conformance! { @@@ $arguments $store $first }
        $crate::store_conformance! { @@ $arguments $store $($rest)* }
    };
    (@@ $arguments:tt $store:tt) => {};
    (@@@ ($($arguments:tt)*) ($store:expr) $test:ident) => {
        #[::tokio::test($($arguments)*)]
        async fn $test() {
            let subject = $crate::testing::conformance::Subject::into_store($store.await);
            if let ::std::option::Option::Some(store) = subject {
                $crate::testing::conformance::$test(store).await;
            }
        }
    };
}

/// A store to test, or none where the machine lacks what it needs.
pub trait Subject {
    /// The store.
    type Store: Store;

    /// The store, shared; none skips the test.
    fn into_store(self) -> Option<Arc<Self::Store>>;
}

impl<S: Store> Subject for S {
    type Store = S;

    fn into_store(self) -> Option<Arc<S>> {
        Some(Arc::new(self))
    }
}

impl<S: Store> Subject for Option<S> {
    type Store = S;

    fn into_store(self) -> Option<Arc<S>> {
        self.map(Arc::new)
    }
}

/// Long enough that no test outlives it, however slow the machine.
const LONG: Duration = Duration::from_secs(60);
/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);
/// A little longer.
const OVER: Duration = Duration::from_millis(600);

/// A key that nobody else has.
fn key() -> Key {
    let half = || RandomState::new().hash_one(0).to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    Key::from_bytes(bytes)
}

fn letter() -> DeadLetter {
    DeadLetter {
        source: "source".to_owned(),
        event_type: "vault.connection.created".to_owned(),
        event_id: "e1".to_owned(),
        error: "no use".to_owned(),
        body: Some(Bytes::from_static(b"{\"payload\":{}}")),
    }
}

async fn claim(store: &dyn Store, event: Key, delivery: Option<Key>, lease: Duration) -> Claimed {
    store
        .claim(Claim::new(event, delivery, lease))
        .await
        .expect("a claim")
}

async fn granted(store: &dyn Store, event: Key, lease: Duration) -> (Token, u32) {
    match claim(store, event, None, lease).await {
        Claimed {
            record,
            verdict: Verdict::Granted { token, attempt },
        } if record == event => (token, attempt),
        other => panic!("not granted: {other:?}"),
    }
}

async fn finish(store: &dyn Store, record: Key, token: Token, end: End) -> Held {
    store.finish(record, token, end).await.expect("a finish")
}

async fn status(store: &dyn Store, record: Key) -> Status {
    store.status(record).await.expect("a status")
}

/// The first claim is granted, under attempt 1; when it is done, the next claim says so and changes nothing.
pub async fn a_claim_is_granted_once_and_remembered(store: Arc<impl Store>) {
    let event = key();
    assert_eq!(status(&*store, event).await, Status::Absent);
    let (token, attempt) = granted(&*store, event, LONG).await;
    assert_eq!(attempt, 1);
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    for _ in 0..2 {
        let again = claim(&*store, event, None, LONG).await;
        assert_eq!(
            again,
            Claimed {
                record: event,
                verdict: Verdict::Done
            }
        );
        assert_eq!(status(&*store, event).await, Status::Done { token });
    }
}

/// A claim of what runs says for how long.
pub async fn what_runs_is_busy_for_the_rest_of_its_lease(store: Arc<impl Store>) {
    let event = key();
    let (token, attempt) = granted(&*store, event, LONG).await;
    let Verdict::Running { lease_left } = claim(&*store, event, None, LONG).await.verdict else {
        panic!("it runs");
    };
    assert!(lease_left <= LONG && lease_left > LONG / 2, "{lease_left:?}");
    match status(&*store, event).await {
        Status::Running {
            lease_left: left,
            token: runs,
            attempt: tried,
        } => {
            assert!(left <= LONG && left > LONG / 2, "{left:?}");
            assert_eq!((runs, tried), (token, attempt));
        }
        other => panic!("{other:?}"),
    }
}

/// A failure deletes nothing.
pub async fn a_release_keeps_the_attempt_and_the_token_grows(store: Arc<impl Store>) {
    let event = key();
    let mut last = None;
    for attempt in 1..=5 {
        let (token, tried) = granted(&*store, event, LONG).await;
        assert_eq!(tried, attempt);
        assert!(last < Some(token), "{last:?} {token:?}");
        last = Some(token);
        assert_eq!(finish(&*store, event, token, End::Release).await, Held::Yes);
        assert_eq!(status(&*store, event).await, Status::Released { token, attempt });
    }
}

/// What was set aside is not granted.
pub async fn what_is_dead_stays_dead(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, LONG).await;
    assert_eq!(
        finish(&*store, event, token, End::Dead(letter())).await,
        Held::Yes
    );
    assert_eq!(claim(&*store, event, None, LONG).await.verdict, Verdict::Dead);
    assert_eq!(status(&*store, event).await, Status::Dead { token });
}

/// The next claim takes it, and what its owner says then changes nothing.
pub async fn a_lease_that_is_over_can_be_taken_and_its_owner_has_lost(store: Arc<impl Store>) {
    let event = key();
    let (old, _) = granted(&*store, event, SHORT).await;
    assert!(matches!(
        claim(&*store, event, None, LONG).await.verdict,
        Verdict::Running { .. }
    ));
    sleep(OVER).await;
    let (new, attempt) = granted(&*store, event, LONG).await;
    assert!(new > old && attempt == 2, "{old:?} {new:?} {attempt}");
    assert_eq!(
        store.renew(event, old, LONG).await.expect("a renewal"),
        Held::Lost
    );
    for end in [End::Done, End::Release, End::Dead(letter())] {
        assert_eq!(finish(&*store, event, old, end).await, Held::Lost);
    }
    assert!(matches!(status(&*store, event).await, Status::Running { token, .. } if token == new));
    assert_eq!(finish(&*store, event, new, End::Done).await, Held::Yes);
    assert_eq!(finish(&*store, event, old, End::Release).await, Held::Lost);
    assert_eq!(status(&*store, event).await, Status::Done { token: new });
}

/// Nobody came: its owner still holds it.
pub async fn a_lease_that_was_not_taken_still_settles(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, SHORT).await;
    sleep(OVER).await;
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    assert_eq!(status(&*store, event).await, Status::Done { token });
}

/// Renewed in time, it is not taken.
pub async fn a_renewal_starts_the_lease_again(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, SHORT).await;
    assert_eq!(
        store.renew(event, token, LONG).await.expect("a renewal"),
        Held::Yes
    );
    sleep(OVER).await;
    assert!(matches!(
        claim(&*store, event, None, LONG).await.verdict,
        Verdict::Running { .. }
    ));
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
}

/// A token settles once.
pub async fn what_is_settled_cannot_be_settled_again(store: Arc<impl Store>) {
    for end in [End::Done, End::Release, End::Dead(letter())] {
        let event = key();
        let (token, _) = granted(&*store, event, LONG).await;
        assert_eq!(finish(&*store, event, token, end).await, Held::Yes);
        let settled = status(&*store, event).await;
        // Numbers that no store has for a token, too.
        for token in [token, Token(1 << 63), Token(u64::MAX)] {
            for end in [End::Done, End::Release, End::Dead(letter())] {
                assert_eq!(finish(&*store, event, token, end).await, Held::Lost);
            }
            assert_eq!(
                store.renew(event, token, LONG).await.expect("a renewal"),
                Held::Lost
            );
        }
        assert_eq!(status(&*store, event).await, settled);
    }
}

/// Nothing is made by asking about it.
pub async fn an_unknown_record_is_lost_and_absent(store: Arc<impl Store>) {
    let event = key();
    assert_eq!(
        store.renew(event, Token(1), LONG).await.expect("a renewal"),
        Held::Lost
    );
    assert_eq!(finish(&*store, event, Token(1), End::Done).await, Held::Lost);
    assert_eq!(status(&*store, event).await, Status::Absent);
}

/// Only the very token holds.
pub async fn a_token_of_the_future_is_lost(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, LONG).await;
    // The last one has the digits of the token, and one more.
    for other in [token.0 + 1, 1 << 63, u64::MAX, 10_u64.pow(16) + token.0].map(Token) {
        assert_eq!(
            store.renew(event, other, LONG).await.expect("a renewal"),
            Held::Lost
        );
        assert_eq!(finish(&*store, event, other, End::Done).await, Held::Lost);
    }
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
}

/// Whatever event it comes with later.
pub async fn a_delivery_key_resolves_to_its_first_record(store: Arc<impl Store>) {
    let (first, other, delivery) = (key(), key(), key());
    let claimed = claim(&*store, first, Some(delivery), LONG).await;
    let Verdict::Granted { token, .. } = claimed.verdict else {
        panic!("{claimed:?}")
    };
    let busy = claim(&*store, other, Some(delivery), LONG).await;
    assert!(
        busy.record == first && matches!(busy.verdict, Verdict::Running { .. }),
        "{busy:?}"
    );
    assert_eq!(finish(&*store, first, token, End::Done).await, Held::Yes);
    let done = claim(&*store, other, Some(delivery), LONG).await;
    assert_eq!(
        done,
        Claimed {
            record: first,
            verdict: Verdict::Done
        }
    );
    assert_eq!(status(&*store, other).await, Status::Absent);
    assert!(matches!(
        claim(&*store, other, None, LONG).await.verdict,
        Verdict::Granted { .. }
    ));
}

/// A replay under a fresh key is a duplicate, and its key is known from then on.
pub async fn another_delivery_key_is_bound_too(store: Arc<impl Store>) {
    let (event, first, second) = (key(), key(), key());
    let claimed = claim(&*store, event, Some(first), LONG).await;
    let Verdict::Granted { token, .. } = claimed.verdict else {
        panic!("{claimed:?}")
    };
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    assert_eq!(
        claim(&*store, event, Some(second), LONG).await.verdict,
        Verdict::Done
    );
    for delivery in [first, second] {
        let done = claim(&*store, key(), Some(delivery), LONG).await;
        assert_eq!(
            done,
            Claimed {
                record: event,
                verdict: Verdict::Done
            }
        );
    }
}

/// Under however many keys it comes, it is a duplicate; after so many, the keys are no longer remembered.
pub async fn delivery_keys_are_bounded(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, LONG).await;
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    let mut last = key();
    for _ in 0..4 * MAX_ALIASES {
        last = key();
        assert_eq!(
            claim(&*store, event, Some(last), LONG).await.verdict,
            Verdict::Done
        );
    }
    let other = key();
    let claimed = claim(&*store, other, Some(last), LONG).await;
    assert!(
        claimed.record == other && matches!(claimed.verdict, Verdict::Granted { .. }),
        "{claimed:?}"
    );
}

/// Busy or released, the key that came is bound.
pub async fn a_delivery_key_is_bound_whatever_became_of_the_claim(store: Arc<impl Store>) {
    let (event, while_busy, when_released) = (key(), key(), key());
    let (token, _) = granted(&*store, event, LONG).await;
    assert!(matches!(
        claim(&*store, event, Some(while_busy), LONG).await.verdict,
        Verdict::Running { .. }
    ));
    assert_eq!(finish(&*store, event, token, End::Release).await, Held::Yes);
    let again = claim(&*store, event, Some(when_released), LONG).await;
    let Verdict::Granted { token, attempt: 2 } = again.verdict else {
        panic!("{again:?}")
    };
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    for delivery in [while_busy, when_released] {
        let done = claim(&*store, key(), Some(delivery), LONG).await;
        assert_eq!(
            done,
            Claimed {
                record: event,
                verdict: Verdict::Done
            }
        );
    }
}

fn grants(claims: &[Claimed]) -> Vec<Token> {
    claims
        .iter()
        .filter_map(|claimed| match claimed.verdict {
            Verdict::Granted { token, .. } => Some(token),
            _ => None,
        })
        .collect()
}

/// At most one live token per event.
pub async fn one_of_many_concurrent_claims_is_granted(store: Arc<impl Store>) {
    for _ in 0..20 {
        let event = key();
        let claims = join_all((0..32).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { claim(&*store, event, Some(key()), LONG).await })
        }));
        let claims: Vec<_> = claims
            .await
            .into_iter()
            .map(|claimed| claimed.expect("no panic"))
            .collect();
        let [token] = grants(&claims)[..] else {
            panic!("{claims:?}")
        };
        assert!(claims.iter().all(|claimed| claimed.record == event));
        assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    }
}

/// The first decides which event the key stands for.
pub async fn concurrent_claims_under_one_delivery_key_are_one_record(store: Arc<impl Store>) {
    for _ in 0..20 {
        let delivery = key();
        let claims = join_all((0..16).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { claim(&*store, key(), Some(delivery), LONG).await })
        }));
        let claims: Vec<_> = claims
            .await
            .into_iter()
            .map(|claimed| claimed.expect("no panic"))
            .collect();
        assert_eq!(grants(&claims).len(), 1, "{claims:?}");
        assert!(
            claims.iter().all(|claimed| claimed.record == claims[0].record),
            "{claims:?}"
        );
    }
}

/// A crashed owner has one successor.
pub async fn one_of_many_takes_over_a_lease_that_is_over(store: Arc<impl Store>) {
    let event = key();
    granted(&*store, event, SHORT).await;
    sleep(OVER).await;
    let claims = join_all((0..32).map(|_| claim(&*store, event, None, LONG))).await;
    assert_eq!(grants(&claims).len(), 1, "{claims:?}");
}

/// A call that is dropped half-way has happened or has not; either way the event can be settled.
pub async fn a_dropped_call_leaves_a_record_that_ends(store: Arc<impl Store>) {
    for polls in 0..5 {
        let event = key();
        {
            let mut dropped = std::pin::pin!(store.claim(Claim::new(event, None, SHORT)));
            for _ in 0..polls {
                let polled =
                    std::future::poll_fn(|cx| std::task::Poll::Ready(dropped.as_mut().poll(cx))).await;
                if polled.is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // What a dropped claim may still do on its way takes less than this.
        sleep(OVER + OVER).await;
        let (token, _) = granted(&*store, event, LONG).await;
        assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    }
}

async fn set_aside(store: &dyn Store) -> (Key, Token) {
    let event = key();
    let (token, _) = granted(store, event, LONG).await;
    assert_eq!(finish(store, event, token, End::Dead(letter())).await, Held::Yes);
    (event, token)
}

/// Through a replay that fails, and one that crashes.
pub async fn a_dead_letter_is_kept_until_it_is_handled(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let (event, token) = set_aside(&*store).await;
    let dead = letters.get(event).await.expect("a letter").expect("it is dead");
    assert_eq!((dead.record, dead.attempts, &dead.letter), (event, 1, &letter()));
    let now = SystemTime::now();
    let age = now
        .duration_since(dead.since)
        .unwrap_or_else(|future| future.duration());
    assert!(age.as_secs() < 3600, "{age:?} ago");

    assert!(letters.release(event).await.expect("a release"));
    assert_eq!(
        status(&*store, event).await,
        Status::Released { token, attempt: 0 }
    );
    let (second, attempt) = granted(&*store, event, SHORT).await;
    assert!(second > token && attempt == 1, "{token:?} {second:?} {attempt}");
    assert!(!letters.release(event).await.expect("a release"), "it runs");
    assert!(!letters.purge(event).await.expect("a purge"), "it runs");
    // Its owner crashed.
    sleep(OVER).await;
    assert!(letters.get(event).await.expect("a letter").is_some());
    assert!(letters.release(event).await.expect("a release"));
    let (third, _) = granted(&*store, event, LONG).await;
    assert_eq!(finish(&*store, event, second, End::Done).await, Held::Lost);
    assert_eq!(
        finish(&*store, event, third, End::Dead(letter())).await,
        Held::Yes
    );
    assert!(letters.get(event).await.expect("a letter").is_some());

    assert!(letters.release(event).await.expect("a release"));
    let (last, _) = granted(&*store, event, LONG).await;
    assert_eq!(finish(&*store, event, last, End::Done).await, Held::Yes);
    assert!(letters.get(event).await.expect("a letter").is_none());
    assert!(!letters.release(event).await.expect("a release"));
    assert_eq!(status(&*store, event).await, Status::Done { token: last });
}

async fn listed(letters: &dyn DeadLetterStore, wanted: &[Key], page: u32) -> Vec<Key> {
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let records = letters.list(before, page).await.expect("a list");
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

/// There is nothing that could be handed to a handler: it is not released to one.
pub async fn a_dead_letter_without_a_body_is_kept_and_cannot_be_released(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let letter = DeadLetter {
        body: None,
        ..letter()
    };
    let event = key();
    let (token, _) = granted(&*store, event, LONG).await;
    let dead = End::Dead(letter.clone());
    assert_eq!(finish(&*store, event, token, dead).await, Held::Yes);
    let kept = letters.get(event).await.expect("a letter").expect("it is dead");
    assert_eq!(kept.letter, letter);
    let listed = letters.list(None, 1000).await.expect("a list");
    let listed = listed.into_iter().find(|dead| dead.record == event);
    assert_eq!(listed.expect("it is listed"), kept);
    assert!(
        !letters.release(event).await.expect("a release"),
        "it has no body"
    );
    assert_eq!(status(&*store, event).await, Status::Dead { token });
    assert!(letters.purge(event).await.expect("a purge"));
    assert!(letters.get(event).await.expect("a letter").is_none());
    // An empty body is one.
    let letter = DeadLetter {
        body: Some(Bytes::new()),
        ..letter
    };
    let (token, _) = granted(&*store, event, LONG).await;
    let dead = End::Dead(letter.clone());
    assert_eq!(finish(&*store, event, token, dead).await, Held::Yes);
    let kept = letters.get(event).await.expect("a letter").expect("it is dead");
    assert_eq!(kept.letter, letter);
    assert!(letters.release(event).await.expect("a release"));
}

/// Whatever the size of a page.
pub async fn dead_letters_are_listed_in_pages_the_latest_first(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let mut wanted = Vec::new();
    for _ in 0..5 {
        wanted.push(set_aside(&*store).await.0);
        // A clock of milliseconds tells them apart.
        sleep(Duration::from_millis(5)).await;
    }
    wanted.reverse();
    for page in [1, 2, 100] {
        assert_eq!(listed(letters, &wanted, page).await, wanted, "pages of {page}");
    }
}

/// Purged, handled or set aside anew: what follows is what was set aside before, each once.
pub async fn a_list_of_dead_letters_goes_on_from_a_place_whose_letter_is_gone(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let mut wanted = Vec::new();
    for _ in 0..7 {
        wanted.push(set_aside(&*store).await.0);
        sleep(Duration::from_millis(5)).await;
    }
    wanted.reverse();
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = letters.list(before, 1).await.expect("a list");
        let Some(last) = page.last() else { break };
        before = Some(last.cursor);
        if !wanted.contains(&last.record) {
            continue;
        }
        found.push(last.record);
        match found.len() {
            1 | 4 => assert!(letters.purge(last.record).await.expect("a purge")),
            2 | 5 => {
                assert!(letters.release(last.record).await.expect("a release"));
                let (token, _) = granted(&*store, last.record, LONG).await;
                assert_eq!(finish(&*store, last.record, token, End::Done).await, Held::Yes);
            }
            3 | 6 => {
                assert!(letters.release(last.record).await.expect("a release"));
                let (token, _) = granted(&*store, last.record, LONG).await;
                let dead = End::Dead(letter());
                assert_eq!(finish(&*store, last.record, token, dead).await, Held::Yes);
            }
            _ => {}
        }
    }
    assert_eq!(found, wanted);
    // What was set aside anew is on top now.
    assert_eq!(
        listed(letters, &wanted, 2).await,
        [wanted[5], wanted[2], wanted[6]]
    );
}

/// And is new if it comes again.
pub async fn a_dead_letter_can_be_purged(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let (event, _) = set_aside(&*store).await;
    assert!(letters.purge(event).await.expect("a purge"));
    assert!(!letters.purge(event).await.expect("a purge"));
    assert!(letters.get(event).await.expect("a letter").is_none());
    assert_eq!(granted(&*store, event, LONG).await.1, 1);
    assert!(!letters.purge(key()).await.expect("a purge"), "it is unknown");
}
