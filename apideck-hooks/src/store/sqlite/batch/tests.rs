//! Several operations on a record in one batch.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Row as _, SqliteConnection};

use super::Batch;
use crate::delivery::Key;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::wanted::Wanted;
use crate::store::{
    AcceptVerdict, Acceptance, Claim, ClaimId, DeadLetter, DeadLetterStore, End, Fetch, Grant, Held,
    InboxStore, LastDelivery, LetterFilter, Purged, RecordState, Store, Verdict,
};

const LEASE: Duration = Duration::from_secs(60);
/// Is over when the claim is answered.
const SHORT: Duration = Duration::from_micros(1);
const LANE: Key = Key::from_bytes([9; 16]);

/// A new store, whose file is deleted with it.
struct Opened {
    store: SqliteStore,
    directory: PathBuf,
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Opened {
    async fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("apideck-hooks-{:?}", ClaimId::random()));
        std::fs::create_dir(&directory).unwrap();
        let store = SqliteStore::open(directory.join("hooks.db")).await.unwrap();
        Self { store, directory }
    }

    /// Does all of these operations in one batch, which loads this record and those of its lane.
    async fn batch<T: Send + 'static>(
        &self,
        record: Key,
        operations: impl Fn(&mut Batch) -> T + Send + 'static,
    ) -> T {
        let wanted = Wanted {
            lane: true,
            letters_of: Some(String::new()),
            lost_of: Some(String::new()),
            ..Wanted::of_record(record)
        };
        self.store.change(wanted, operations).await.unwrap()
    }

    async fn claim(&self, n: u8, lease: Duration) -> Grant {
        let claim = Claim::new(key(n), lease);
        let id = claim.id;
        let verdict = self.store.claim(claim).await.unwrap().verdict;
        granted(n, id, Some(verdict))
    }

    async fn accept_and_fetch(&self, n: u8, lease: Duration) -> Grant {
        let accepted = self.store.accept(acceptance(n)).await.unwrap();
        assert_eq!(accepted.verdict, AcceptVerdict::Yes { new: true });
        let mut fetch = Fetch::new("", Arc::new(|_| true));
        fetch.lease = lease;
        let fetched = self.store.fetch(&fetch).await.unwrap();
        assert_eq!(fetched[0].grant.record, key(n));
        fetched[0].grant
    }

    async fn replay(&self, n: u8) -> (ClaimId, Option<Verdict>) {
        let claim = Claim::new(key(n), LEASE);
        (claim.id, self.store.replay("", claim).await.unwrap())
    }

    /// The record is handled, and nothing is kept beside it.
    async fn assert_done(&self, n: u8) {
        const LEFT: &str =
            "SELECT count(*) FROM apideck_hooks_records WHERE coalesce(body, source, event_type,
            event_id, context, error, dead_at, due, accepted_at, lane, occurred_at) IS NOT NULL";
        let left = self
            .store
            .letters
            .read(async |connection: &mut SqliteConnection| {
                let left = sqlx::query(LEFT).fetch_one(connection).await?;
                Ok(left.try_get::<i64, _>(0)?)
            });
        assert_eq!(left.await.unwrap(), 0);
        assert_eq!(self.store.status(key(n)).await.unwrap().state, RecordState::Done);
        let letters = DeadLetterStore::count(&self.store, "", &LetterFilter::new()).await;
        assert_eq!(letters.unwrap(), 0);
        assert_eq!(self.replay(n).await.1, None);
    }
}

fn key(n: u8) -> Key {
    Key::from_bytes([n; 16])
}

fn letter() -> DeadLetter {
    DeadLetter::new("", "{}").event("e", "e1", "", "")
}

fn dead(error: &str) -> End {
    End::Dead {
        letter: Box::new(letter().error(error)),
        began: true,
    }
}

/// The acceptance of an event of the lane.
fn acceptance(n: u8) -> Acceptance {
    let mut acceptance = Acceptance::new(key(n), letter());
    acceptance.lane = Some(LANE);
    acceptance
}

fn granted(n: u8, id: ClaimId, verdict: Option<Verdict>) -> Grant {
    match verdict {
        Some(Verdict::Granted { token, .. }) => Grant::new(key(n), token, id),
        other => panic!("not granted: {other:?}"),
    }
}

#[tokio::test]
async fn a_letter_that_was_replayed_in_vain_is_purged_in_the_same_batch() {
    let opened = Opened::new().await;
    let run = opened.claim(1, LEASE).await;
    assert_eq!(opened.store.finish(run, dead("one")).await.unwrap(), Held::Yes);
    let (id, verdict) = opened.replay(1).await;
    let run = granted(1, id, verdict);
    let ends = opened.batch(key(1), move |batch| {
        (batch.finish(&run, &dead("two")), batch.purge("", key(1)))
    });
    assert_eq!(ends.await, (Held::Yes, Purged::Yes));
    opened.assert_done(1).await;
}

#[tokio::test]
async fn the_letter_of_a_last_delivery_is_gone_after_an_end_in_the_same_batch() {
    let opened = Opened::new().await;
    let run = opened.claim(1, LEASE).await;
    let ends = opened.batch(key(1), move |batch| {
        let mut last = LastDelivery::new(letter());
        last.min_age = Duration::ZERO;
        let mut claim = Claim::new(key(1), LEASE);
        claim.last = Some(Box::new(last));
        (batch.claim(&claim).lettered, batch.finish(&run, &End::Done))
    });
    assert_eq!(ends.await, (true, Held::Yes));
    opened.assert_done(1).await;
}

#[tokio::test]
async fn a_lost_run_without_attempts_is_purged_in_the_same_batch() {
    let opened = Opened::new().await;
    opened.accept_and_fetch(1, SHORT).await;
    let ends = opened.batch(key(1), |batch| (batch.recover(1).dead, batch.purge("", key(1))));
    assert_eq!(ends.await, (1, Purged::Yes));
    opened.assert_done(1).await;
}

#[tokio::test]
async fn an_accepted_event_is_done_after_a_late_end_in_the_same_batch() {
    let opened = Opened::new().await;
    let run = opened.claim(1, SHORT).await;
    let ends = opened.batch(key(1), move |batch| {
        let accepted = batch.accept(&acceptance(1)).verdict;
        (accepted, batch.finish(&run, &End::Done))
    });
    assert_eq!(ends.await, (AcceptVerdict::Yes { new: true }, Held::Yes));
    opened.assert_done(1).await;
}

/// Its letter keeps the place in the lane.
#[tokio::test]
async fn an_accepted_event_keeps_its_lane_after_a_late_death_in_the_same_batch() {
    let opened = Opened::new().await;
    let run = opened.claim(1, SHORT).await;
    let ends = opened.batch(key(1), move |batch| {
        let accepted = batch.accept(&acceptance(1)).verdict;
        (accepted, batch.finish(&run, &dead("late")))
    });
    assert_eq!(ends.await, (AcceptVerdict::Yes { new: true }, Held::Yes));
    let kept = DeadLetterStore::get(&opened.store, "", key(1)).await.unwrap();
    assert_eq!(kept.unwrap().letter, letter().error("late"));
    let other = opened.accept_and_fetch(2, LEASE).await;
    let verdict = opened.replay(1).await.1;
    assert!(
        matches!(verdict, Some(Verdict::Running { kept: true, .. })),
        "{verdict:?}"
    );
    assert_eq!(opened.store.finish(other, End::Done).await.unwrap(), Held::Yes);
    let (id, verdict) = opened.replay(1).await;
    let run = granted(1, id, verdict);
    assert_eq!(opened.store.finish(run, End::Done).await.unwrap(), Held::Yes);
    opened.assert_done(1).await;
}

#[tokio::test]
async fn a_replay_waits_for_a_run_of_its_lane_that_was_renewed_in_the_same_batch() {
    let opened = Opened::new().await;
    let run = opened.accept_and_fetch(1, LEASE).await;
    assert_eq!(opened.store.finish(run, dead("one")).await.unwrap(), Held::Yes);
    let late = opened.accept_and_fetch(2, SHORT).await;
    let verdicts = opened.batch(key(1), move |batch| {
        let renewed = batch.renew(&late, LEASE);
        (renewed, batch.replay("", &Claim::new(key(1), LEASE)))
    });
    let running = Verdict::Running {
        lease_left: LEASE,
        kept: true,
    };
    assert_eq!(verdicts.await, (Held::Yes, Some(running)));
    assert_eq!(opened.store.finish(late, End::Done).await.unwrap(), Held::Yes);
    let (id, verdict) = opened.replay(1).await;
    granted(1, id, verdict);
}
