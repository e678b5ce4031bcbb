//! Case 31: the store under every interleaving of a few threads. No lease or retention is near its end: they are endless, or
//! over at once.

use super::{MemoryStore, table};
use crate::delivery::Key;
use crate::store::{Claim, Claimed, End, Held, Status, Store, Token, Verdict};
use futures_util::FutureExt;
use loom::thread;
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(24 * 60 * 60);
const OVER: Duration = Duration::ZERO;

/// A store, and no task: nothing in it waits but for a lock.
#[derive(Clone)]
struct Fixture(Arc<MemoryStore>);

impl Fixture {
    fn new(capacity: usize, retention: Duration) -> Self {
        let builder = MemoryStore::builder().capacity(capacity).retention(retention);
        Fixture(Arc::new(builder.build()))
    }

    /// A key in this shard, of two.
    fn key(&self, n: u8, shard: usize) -> Key {
        let keys =
            (0..=u8::MAX).map(|other| Key::from_bytes([n, other, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        let mut keys = keys.filter(|key| table::Hashed::from(*key).shard(2) == shard);
        keys.next().expect("one of 256")
    }

    fn claim(&self, event: Key, delivery: Option<Key>, lease: Duration) -> Claimed {
        let claim = self.0.claim(Claim::new(event, delivery, lease));
        claim.now_or_never().expect("at once").expect("memory")
    }

    fn granted(&self, event: Key, lease: Duration) -> Token {
        token(&self.claim(event, None, lease)).expect("it is claimable")
    }

    fn renew(&self, event: Key, token: Token) -> Held {
        let renewed = self.0.renew(event, token, LONG);
        renewed.now_or_never().expect("at once").expect("memory")
    }

    fn finish(&self, event: Key, token: Token, end: End) -> Held {
        let finished = self.0.finish(event, token, end);
        finished.now_or_never().expect("at once").expect("memory")
    }

    fn status(&self, event: Key) -> Status {
        let status = self.0.status(event);
        status.now_or_never().expect("at once").expect("memory")
    }
}

fn token(claimed: &Claimed) -> Option<Token> {
    match claimed.verdict {
        Verdict::Granted { token, .. } => Some(token),
        _ => None,
    }
}

fn key(n: u8) -> Key {
    Key::from_bytes([n; 16])
}

/// What each of them claims, all at once; in the order in which they were given.
fn at_once(store: &Fixture, claims: impl IntoIterator<Item = (Key, Option<Key>)>) -> Vec<Claimed> {
    let threads: Vec<_> = claims
        .into_iter()
        .map(|(event, delivery)| {
            let store = store.clone();
            thread::spawn(move || store.claim(event, delivery, LONG))
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn one_is_granted(claims: &[Claimed]) -> Token {
    let tokens: Vec<_> = claims.iter().filter_map(token).collect();
    let busy = |claimed: &&Claimed| matches!(claimed.verdict, Verdict::Running { .. });
    assert_eq!(claims.iter().filter(busy).count(), claims.len() - 1, "{claims:?}");
    let [token] = tokens[..] else { panic!("{claims:?}") };
    token
}

/// Three threads, switched at the most so often where they need not be.
fn bounded(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

#[test]
fn of_two_claims_one_is_granted() {
    for deliveries in [
        [None, None],
        [None, Some(9)],
        [Some(9), Some(9)],
        [Some(8), Some(9)],
    ] {
        loom::model(move || {
            let store = Fixture::new(10, LONG);
            let claims = at_once(&store, deliveries.map(|delivery| (key(1), delivery.map(key))));
            let token = one_is_granted(&claims);
            assert_eq!(store.finish(key(1), token, End::Done), Held::Yes);
            for delivery in deliveries.into_iter().flatten() {
                let again = store.claim(key(2), Some(key(delivery)), LONG);
                assert_eq!((again.record, again.verdict), (key(1), Verdict::Done));
            }
        });
    }
}

#[test]
fn of_two_claims_under_keys_in_two_shards_one_is_granted() {
    loom::model(|| {
        let store = Fixture::new(2048, LONG);
        let event = store.key(1, 0);
        let claims = at_once(&store, [0, 1].map(|shard| (event, Some(store.key(9, shard)))));
        one_is_granted(&claims);
    });
}

#[test]
fn of_three_claims_one_is_granted() {
    bounded(|| {
        let store = Fixture::new(10, LONG);
        one_is_granted(&at_once(
            &store,
            [None, Some(key(8)), Some(key(9))].map(|delivery| (key(1), delivery)),
        ));
    });
}

/// The first decides which event a delivery key stands for; the other event is not touched.
#[test]
fn a_delivery_key_is_bound_to_one_of_two_events() {
    for shards in [[0, 0], [0, 1]] {
        loom::model(move || {
            let store = Fixture::new(2048, LONG);
            let events = [store.key(1, shards[0]), store.key(2, shards[1])];
            let claims = at_once(&store, events.map(|event| (event, Some(key(9)))));
            let token = one_is_granted(&claims);
            assert_eq!(claims[0].record, claims[1].record);
            let (bound, other) = match claims[0].record == events[0] {
                true => (events[0], events[1]),
                false => (events[1], events[0]),
            };
            assert!(matches!(store.status(bound), Status::Running { token: runs, .. } if runs == token));
            assert_eq!(store.status(other), Status::Absent);
        });
    }
}

/// Delivery keys that are locked, each before the other's event: what was bound to them is forgotten.
#[test]
fn claims_that_cross_wait_for_no_circle() {
    loom::model(|| {
        let store = Fixture::new(2048, OVER);
        let events = [store.key(1, 0), store.key(2, 1)];
        let deliveries = [store.key(8, 0), store.key(9, 1)];
        for (event, delivery) in [(events[0], deliveries[1]), (events[1], deliveries[0])] {
            let token = token(&store.claim(event, Some(delivery), LONG)).expect("it is new");
            assert_eq!(store.finish(event, token, End::Done), Held::Yes);
        }
        let claims = at_once(&store, [0, 1].map(|n| (events[n], Some(deliveries[n]))));
        // Either may find the other's record made anew already.
        assert!(
            claims.iter().any(|claimed| token(claimed).is_some()),
            "{claims:?}"
        );
        for claimed in &claims {
            assert!(
                matches!(store.status(claimed.record), Status::Running { .. }),
                "{claims:?}"
            );
        }
    });
}

/// Who is first has it: the end of a run whose lease is over, or the claim that takes the run's place.
#[test]
fn an_end_and_a_takeover_exclude_each_other() {
    loom::model(|| {
        let store = Fixture::new(10, LONG);
        let old = store.granted(key(1), OVER);
        let ending = {
            let store = store.clone();
            thread::spawn(move || store.finish(key(1), old, End::Done))
        };
        let claimed = store.claim(key(1), None, LONG);
        match (ending.join().unwrap(), token(&claimed)) {
            (Held::Yes, None) => {
                assert_eq!(claimed.verdict, Verdict::Done);
                assert_eq!(store.status(key(1)), Status::Done { token: old });
            }
            (Held::Lost, Some(new)) => {
                assert!(new > old);
                assert!(
                    matches!(store.status(key(1)), Status::Running { token, attempt: 2, .. } if token == new)
                );
                assert_eq!(store.finish(key(1), old, End::Release), Held::Lost);
                assert_eq!(store.finish(key(1), new, End::Done), Held::Yes);
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_renewal_and_a_takeover_exclude_each_other() {
    loom::model(|| {
        let store = Fixture::new(10, LONG);
        let old = store.granted(key(1), OVER);
        let renewal = {
            let store = store.clone();
            thread::spawn(move || store.renew(key(1), old))
        };
        let claimed = store.claim(key(1), None, LONG);
        let renewed = renewal.join().unwrap();
        assert_eq!(renewed == Held::Yes, token(&claimed).is_none(), "{claimed:?}");
        let holder = token(&claimed).unwrap_or(old);
        assert!(matches!(store.status(key(1)), Status::Running { token, .. } if token == holder));
    });
}

#[test]
fn of_two_takeovers_and_a_late_end_one_has_it() {
    bounded(|| {
        let store = Fixture::new(10, LONG);
        let old = store.granted(key(1), OVER);
        let ending = {
            let store = store.clone();
            thread::spawn(move || store.finish(key(1), old, End::Release))
        };
        let claims = at_once(&store, [(key(1), None), (key(1), None)]);
        let ended = ending.join().unwrap();
        let new = one_is_granted(&claims);
        assert!(new > old);
        // Released before it was taken, or lost.
        let attempt = match store.status(key(1)) {
            Status::Running { token, attempt, .. } if token == new => attempt,
            other => panic!("{other:?} {ended:?}"),
        };
        assert_eq!(attempt, 2);
    });
}

#[test]
fn a_token_settles_once() {
    loom::model(|| {
        let store = Fixture::new(10, LONG);
        let token = store.granted(key(1), LONG);
        let ending = {
            let store = store.clone();
            thread::spawn(move || store.finish(key(1), token, End::Release))
        };
        let done = store.finish(key(1), token, End::Done);
        let released = ending.join().unwrap();
        assert_ne!(done, released);
        let is_done = store.status(key(1)) == Status::Done { token };
        assert_eq!(is_done, done == Held::Yes);
    });
}

/// What runs is never forgotten for lack of room, what is done just now is.
#[test]
fn a_full_store_and_an_end() {
    loom::model(|| {
        let store = Fixture::new(1, LONG);
        let first = store.granted(key(1), LONG);
        let ending = {
            let store = store.clone();
            thread::spawn(move || store.finish(key(1), first, End::Done))
        };
        let claimed = store.claim(key(2), Some(key(9)), LONG);
        assert_eq!(ending.join().unwrap(), Held::Yes);
        assert_eq!(store.0.len(), 1);
        match claimed.verdict {
            Verdict::Full => assert_eq!(store.status(key(1)), Status::Done { token: first }),
            Verdict::Granted { attempt: 1, .. } => {
                assert_eq!((store.status(key(1)), store.0.evicted()), (Status::Absent, 1));
            }
            other => panic!("{other:?}"),
        }
    });
}

/// An event that is forgotten and comes again: who ran it in its earlier life settles nothing.
#[test]
fn an_owner_from_an_earlier_life_has_lost() {
    loom::model(|| {
        let store = Fixture::new(10, OVER);
        let old = store.granted(key(1), LONG);
        assert_eq!(store.finish(key(1), old, End::Release), Held::Yes);
        let late = {
            let store = store.clone();
            thread::spawn(move || store.finish(key(1), old, End::Done))
        };
        let new = store.granted(key(1), LONG);
        assert_eq!(late.join().unwrap(), Held::Lost);
        assert!(new > old);
        assert!(matches!(store.status(key(1)), Status::Running { token, attempt: 1, .. } if token == new));
    });
}
