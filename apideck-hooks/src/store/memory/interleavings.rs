//! Case 31: the store under every interleaving of a few threads.
//!
//! A lease or a retention is either over at once or endless here, so the outcome does not depend on
//! the time that a test takes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use loom::thread::{self, JoinHandle};

use super::MemoryStore;
use crate::delivery::Key;
use crate::store::{Claim, Claimed, End, Grant, Held, RecordState, Status, Store, StoreError, Verdict};

const LONG: Duration = Duration::from_secs(24 * 60 * 60);
const OVER: Duration = Duration::ZERO;
const RELEASE: End = End::Release { rest: OVER };
/// The least capacity of a store with two shards.
const TWO_SHARDS: usize = 2048;

/// A store that is called from several threads.
#[derive(Clone)]
struct Fixture(Arc<MemoryStore>);

impl Fixture {
    fn new(capacity: usize, retention: Duration) -> Self {
        let builder = MemoryStore::builder().capacity(capacity).retention(retention);
        Self(Arc::new(builder.build()))
    }

    fn claim(&self, claim: &Claim) -> Claimed {
        ready(self.0.claim(claim.clone()))
    }

    fn granted(&self, claim: &Claim) -> Grant {
        grant(claim, &self.claim(claim)).expect("it is claimable")
    }

    fn finish(&self, grant: Grant, end: End) -> Held {
        ready(self.0.finish(grant, end))
    }

    fn status(&self, record: Key) -> Status {
        ready(self.0.status(record))
    }

    fn state(&self, record: Key) -> RecordState {
        self.status(record).state
    }

    fn is_running(&self, grant: Grant) -> bool {
        let status = self.status(grant.record);
        status.token == grant.token && matches!(status.state, RecordState::Running { .. })
    }

    fn spawn<T: 'static>(&self, call: impl FnOnce(Self) -> T + 'static) -> JoinHandle<T> {
        let store = self.clone();
        thread::spawn(move || call(store))
    }

    /// Makes all claims at once. Returns their results in the order of the claims.
    fn claim_together<const N: usize>(&self, claims: &[Claim; N]) -> [Claimed; N] {
        let threads = claims
            .clone()
            .map(|claim| self.spawn(move |store| store.claim(&claim)));
        threads.map(|thread| thread.join().unwrap())
    }
}

/// Returns the result of a call, which is ready at once.
fn ready<T>(call: impl Future<Output = Result<T, StoreError>>) -> T {
    call.now_or_never().expect("at once").expect("memory")
}

/// A key in the shard `n` modulo the number of shards.
fn key(n: u8) -> Key {
    Key::from_bytes(u128::from(n).to_le_bytes())
}

fn claim(event: u8) -> Claim {
    Claim::new(key(event), LONG)
}

fn claim_with(event: u8, alias: u8) -> Claim {
    Claim {
        alias: Some(key(alias)),
        ..claim(event)
    }
}

/// A claim whose lease is over at once.
fn short_claim(event: u8) -> Claim {
    Claim::new(key(event), OVER)
}

fn grant(claim: &Claim, claimed: &Claimed) -> Option<Grant> {
    match claimed.verdict {
        Verdict::Granted { token, .. } => Some(Grant::new(claimed.record, token, claim.id)),
        _ => None,
    }
}

/// Checks that one claim was granted and the others found it running.
fn the_one_granted(claims: &[Claim], claimed: &[Claimed]) -> Grant {
    let granted = claims
        .iter()
        .zip(claimed)
        .filter_map(|(claim, claimed)| grant(claim, claimed));
    let granted: Vec<_> = granted.collect();
    let [grant] = granted[..] else {
        panic!("{claimed:?}")
    };
    for other in claimed {
        let running = matches!(other.verdict, Verdict::Running { .. });
        assert!(
            running || matches!(other.verdict, Verdict::Granted { .. }),
            "{claimed:?}"
        );
        assert_eq!(other.record, grant.record);
    }
    grant
}

/// Checks three threads, and stops a thread early up to three times.
fn bounded(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

#[test]
fn one_of_two_claims_of_an_event_is_granted() {
    for claims in [
        [claim(1), claim(1)],
        [claim(1), claim_with(1, 8)],
        [claim_with(1, 8), claim_with(1, 8)],
        [claim_with(1, 8), claim_with(1, 9)],
    ] {
        loom::model(move || {
            let store = Fixture::new(TWO_SHARDS, LONG);
            let grant = the_one_granted(&claims, &store.claim_together(&claims));
            assert_eq!(store.finish(grant, End::Done), Held::Yes);
            // The granted claim has bound its alias, and no other claim has.
            for (claim, event) in claims.iter().zip([2, 3]) {
                let Some(alias) = claim.alias else { continue };
                let again = store.claim(&Claim {
                    alias: Some(alias),
                    ..self::claim(event)
                });
                let bound = claims
                    .iter()
                    .any(|other| other.id == grant.id && other.alias == Some(alias));
                assert_eq!(again.record == key(1), bound, "{again:?}");
                assert_eq!(again.verdict == Verdict::Done, bound, "{again:?}");
            }
        });
    }
}

#[test]
fn one_of_three_claims_of_an_event_is_granted() {
    bounded(|| {
        let store = Fixture::new(TWO_SHARDS, LONG);
        let claims = [claim(1), claim_with(1, 8), claim_with(1, 9)];
        the_one_granted(&claims, &store.claim_together(&claims));
    });
}

#[test]
fn a_claim_that_is_sent_twice_gets_one_grant() {
    for claim in [claim(1), claim_with(1, 8)] {
        loom::model(move || {
            let store = Fixture::new(TWO_SHARDS, LONG);
            let [one, other] = store.claim_together(&[claim.clone(), claim.clone()]);
            assert_eq!(one, other);
            assert!(store.is_running(grant(&claim, &one).expect("it is new")));
            assert_eq!(store.status(key(1)).attempts, 1);
        });
    }
}

/// The first claim decides the record of an alias. The other event gets no record.
#[test]
fn an_alias_is_bound_to_one_of_two_events() {
    // Two events in one shard, and in two.
    for other in [2, 3] {
        loom::model(move || {
            let store = Fixture::new(TWO_SHARDS, LONG);
            let claims = [claim_with(1, 8), claim_with(other, 8)];
            let grant = the_one_granted(&claims, &store.claim_together(&claims));
            let unbound = if grant.record == key(1) {
                key(other)
            } else {
                key(1)
            };
            assert!(store.is_running(grant));
            assert_eq!(store.status(unbound), Status::ABSENT);
        });
    }
}

/// Each claim locks its alias before the event of the other one. The records to which the aliases
/// were bound have expired.
#[test]
fn claims_that_cross_do_not_wait_for_each_other() {
    loom::model(|| {
        let store = Fixture::new(TWO_SHARDS, OVER);
        for (event, alias) in [(1, 8), (2, 9)] {
            let bound = Claim {
                alias: Some(key(alias)),
                ..short_claim(event)
            };
            assert_eq!(store.finish(store.granted(&bound), End::Done), Held::Yes);
        }
        let claims = [claim_with(2, 8), claim_with(1, 9)];
        let claimed = store.claim_together(&claims);
        // Either claim can find the record of the other one, because its alias is bound to it.
        for claimed in &claimed {
            assert!(
                matches!(store.state(claimed.record), RecordState::Running { .. }),
                "{claimed:?}"
            );
        }
        let granted = claims
            .iter()
            .zip(&claimed)
            .filter_map(|(claim, claimed)| grant(claim, claimed));
        assert!(granted.count() > 0, "{claimed:?}");
    });
}

#[test]
fn a_claim_sees_an_end_whole_or_not_at_all() {
    for end in [End::Done, RELEASE, End::Withdraw, End::Interrupt] {
        loom::model(move || {
            let store = Fixture::new(10, LONG);
            let old = store.granted(&claim_with(1, 8));
            let ending = store.spawn({
                let end = end.clone();
                move |store| store.finish(old, end)
            });
            let next = claim_with(2, 8);
            let claimed = store.claim(&next);
            assert_eq!(ending.join().unwrap(), Held::Yes);
            assert_eq!(claimed.record, key(1));
            let attempts = if end == RELEASE { 2 } else { 1 };
            match claimed.verdict {
                Verdict::Running { .. } => {}
                Verdict::Done => assert_eq!(end, End::Done),
                Verdict::Granted { token, attempt } => {
                    assert!(end != End::Done && token > old.token && attempt == attempts);
                }
                other => panic!("{other:?}"),
            }
            let running = grant(&next, &claimed).is_some_and(|new| store.is_running(new));
            assert_eq!(running, matches!(claimed.verdict, Verdict::Granted { .. }));
            assert_eq!(store.state(key(1)) == RecordState::Done, end == End::Done);
        });
    }
}

/// Either the end of a run whose lease has ended takes effect, or the claim that takes it over.
#[test]
fn an_end_and_a_takeover_exclude_each_other() {
    loom::model(|| {
        let store = Fixture::new(10, LONG);
        let old = store.granted(&short_claim(1));
        let ending = store.spawn(move |store| store.finish(old, End::Done));
        let next = claim(1);
        let claimed = store.claim(&next);
        match (ending.join().unwrap(), grant(&next, &claimed)) {
            (Held::Yes, None) => {
                assert_eq!(claimed.verdict, Verdict::Done);
                assert_eq!(store.state(key(1)), RecordState::Done);
            }
            (Held::Lost, Some(new)) => {
                assert!(new.token > old.token && store.is_running(new));
                assert_eq!(store.finish(old, RELEASE), Held::Lost);
                assert_eq!(store.finish(new, End::Done), Held::Yes);
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_renewal_and_a_takeover_exclude_each_other() {
    loom::model(|| {
        let store = Fixture::new(10, LONG);
        let old = store.granted(&short_claim(1));
        let renewal = store.spawn(move |store| ready(store.0.renew(old, LONG)));
        let next = claim(1);
        let claimed = store.claim(&next);
        let new = grant(&next, &claimed);
        assert_eq!(renewal.join().unwrap() == Held::Yes, new.is_none(), "{claimed:?}");
        assert!(store.is_running(new.unwrap_or(old)));
    });
}

#[test]
fn one_of_two_takeovers_beside_a_late_end_is_granted() {
    bounded(|| {
        let store = Fixture::new(10, LONG);
        let old = store.granted(&short_claim(1));
        let ending = store.spawn(move |store| store.finish(old, RELEASE));
        let claims = [claim(1), claim(1)];
        let claimed = store.claim_together(&claims);
        ending.join().unwrap();
        let new = the_one_granted(&claims, &claimed);
        assert!(new.token > old.token && store.is_running(new));
        assert_eq!(store.status(key(1)).attempts, 2);
    });
}

#[test]
fn a_run_has_one_end() {
    for ends in [[End::Done, RELEASE], [End::Done, End::Done]] {
        loom::model(move || {
            let store = Fixture::new(10, LONG);
            let grant = store.granted(&claim(1));
            let [one, other] = ends.clone();
            let ending = store.spawn(move |store| store.finish(grant, other));
            let held = [store.finish(grant, one), ending.join().unwrap()];
            if ends[0] == ends[1] {
                assert_eq!(held, [Held::Yes, Held::Yes]);
            } else {
                assert!(held == [Held::Yes, Held::Lost] || held == [Held::Lost, Held::Yes]);
            }
            assert_eq!(store.state(key(1)) == RecordState::Done, held[0] == Held::Yes);
        });
    }
}

/// A running record is never evicted. A record that has just become `DONE` can be.
#[test]
fn a_claim_in_a_full_store_beside_an_end() {
    loom::model(|| {
        let store = Fixture::new(1, LONG);
        let first = store.granted(&claim(1));
        let ending = store.spawn(move |store| store.finish(first, End::Done));
        let claimed = store.claim(&claim_with(2, 8));
        assert_eq!(ending.join().unwrap(), Held::Yes);
        assert_eq!(store.0.len(), 1);
        match claimed.verdict {
            Verdict::Full => assert_eq!(store.state(key(1)), RecordState::Done),
            Verdict::Granted { attempt: 1, .. } => {
                assert_eq!((store.state(key(1)), store.0.evicted()), (RecordState::Absent, 1));
            }
            other => panic!("{other:?}"),
        }
    });
}

/// A claim finds the record of its alias, or claims its own event if that record was evicted.
#[test]
fn a_claim_with_an_alias_beside_the_eviction_of_its_record() {
    loom::model(|| {
        let store = Fixture::new(1, LONG);
        let first = store.granted(&claim_with(1, 8));
        assert_eq!(store.finish(first, End::Done), Held::Yes);
        let evicting = store.spawn(|store| store.claim(&claim(2)));
        let claimed = store.claim(&claim_with(3, 8));
        let evicting = evicting.join().unwrap();
        match (claimed.verdict, evicting.verdict) {
            (Verdict::Done, Verdict::Granted { .. }) => assert_eq!(claimed.record, key(1)),
            (Verdict::Full, Verdict::Granted { .. }) => assert_eq!(claimed.record, key(3)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(store.state(key(2)), RecordState::Running { .. }));
    });
}

/// Two claims of an expired record. The owner from its earlier life has lost it.
#[test]
fn claims_of_an_expired_record_beside_its_last_owner() {
    bounded(|| {
        let store = Fixture::new(10, OVER);
        let old = store.granted(&short_claim(1));
        assert_eq!(store.finish(old, RELEASE), Held::Yes);
        let late = store.spawn(move |store| store.finish(old, End::Done));
        let claims = [claim(1), claim(1)];
        let new = the_one_granted(&claims, &store.claim_together(&claims));
        assert_eq!(late.join().unwrap(), Held::Lost);
        assert!(new.token > old.token && store.is_running(new));
        assert_eq!(store.status(key(1)).attempts, 1);
    });
}
