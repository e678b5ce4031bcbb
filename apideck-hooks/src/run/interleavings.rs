//! Case 31: each waiter gets a disposition, under every interleaving of a few threads.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use loom::thread::{self, JoinHandle};

use super::owners::Owners;
use super::waiter_queues::{MAX_OF_A_RECORD, Waiter, Waiters};
use crate::delivery::Key;
use crate::disposition::Disposition;
use crate::store::{Claim, End, Grant, Held, MemoryStore, RecordState, Store, StoreError, Verdict};

fn key() -> Key {
    Key::from_bytes([1; 16])
}

/// Returns the result of a call to a store in memory, which is ready at once.
fn ready<T>(call: impl Future<Output = Result<T, StoreError>>) -> T {
    call.now_or_never().expect("at once").expect("memory")
}

/// Returns the disposition that the waiter was sent. `None` if none was sent yet.
fn told(waiter: &mut Waiter<'_>) -> Option<Disposition> {
    waiter.disposition().now_or_never()
}

struct Shared {
    store: MemoryStore,
    waiters: Waiters,
    owners: Owners,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            // A small store has one shard, and loom then has few locks to follow.
            store: MemoryStore::builder().capacity(1).build(),
            waiters: Waiters::default(),
            owners: Owners::default(),
        })
    }

    fn spawn<T: 'static>(self: &Arc<Self>, call: impl FnOnce(&Self) -> T + 'static) -> JoinHandle<T> {
        let shared = Arc::clone(self);
        thread::spawn(move || call(&shared))
    }

    fn register(&self) -> Waiter<'_> {
        self.waiters.register(key()).expect("few wait")
    }

    fn claim(&self) -> Grant {
        let claim = Claim::new(key(), Duration::from_secs(1000));
        let id = claim.id;
        let Verdict::Granted { token, .. } = ready(self.store.claim(claim)).verdict else {
            panic!("it is new")
        };
        Grant::new(key(), token, id)
    }

    /// Records the end of a run.
    fn finish(&self, grant: Grant) {
        assert_eq!(ready(self.store.finish(grant, End::Done)), Held::Yes);
    }

    fn is_done(&self) -> bool {
        ready(self.store.status(key())).state == RecordState::Done
    }
}

/// Checks three threads, and stops a thread early up to three times.
fn bounded(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

/// A handler that was ready at its first poll has no owner.
#[test]
fn a_waiter_that_finds_the_record_running_is_told() {
    loom::model(|| {
        let shared = Shared::new();
        let grant = shared.claim();
        let settling = shared.spawn(move |shared| {
            shared.finish(grant);
            shared.waiters.settle(key(), Disposition::Handled);
        });
        let mut waiter = shared.register();
        let done = shared.is_done();
        settling.join().unwrap();
        assert!(done || told(&mut waiter) == Some(Disposition::Handled));
        drop(waiter);
        assert!(shared.waiters.is_empty());
    });
}

/// A waiter that finds an owner does not look at the record.
#[test]
fn a_waiter_that_finds_the_owner_is_told() {
    loom::model(|| {
        let shared = Shared::new();
        let grant = shared.claim();
        let running = shared.spawn(move |shared| {
            let owner = shared.owners.enter(&shared.waiters, key());
            shared.finish(grant);
            owner.settle(Disposition::Handled);
        });
        let mut waiter = shared.register();
        let done = !shared.owners.contains(key()) && shared.is_done();
        running.join().unwrap();
        assert!(done || told(&mut waiter) == Some(Disposition::Handled));
        assert!(!shared.owners.contains(key()));
        drop(waiter);
        assert!(shared.waiters.is_empty());
    });
}

/// The owner's task was dropped, for example at a shutdown.
#[test]
fn a_waiter_of_an_owner_that_is_dropped_is_told_to_come_later() {
    loom::model(|| {
        let shared = Shared::new();
        let running = shared.spawn(|shared| drop(shared.owners.enter(&shared.waiters, key())));
        let mut waiter = shared.register();
        let owned = shared.owners.contains(key());
        running.join().unwrap();
        let told = told(&mut waiter);
        assert!(matches!(told, Some(Disposition::Later { .. })) || (told.is_none() && !owned));
        drop(waiter);
        assert!(shared.waiters.is_empty());
    });
}

/// The lease of the first owner has ended, and a second one runs the event.
#[test]
fn a_waiter_that_finds_one_of_two_owners_is_told() {
    bounded(|| {
        let shared = Shared::new();
        let owners = [Disposition::Failed, Disposition::Handled].map(|disposition| {
            shared.spawn(move |shared| {
                let owner = shared.owners.enter(&shared.waiters, key());
                owner.settle(disposition);
            })
        });
        let mut waiter = shared.register();
        let owned = shared.owners.contains(key());
        for owner in owners {
            owner.join().unwrap();
        }
        assert!(!owned || told(&mut waiter).is_some());
        assert!(!shared.owners.contains(key()));
        drop(waiter);
        assert!(shared.waiters.is_empty());
    });
}

#[test]
fn a_waiter_that_leaves_takes_nothing_from_one_that_stays() {
    loom::model(|| {
        let shared = Shared::new();
        let mut stays = shared.register();
        let leaving = shared.spawn(|shared| drop(shared.register()));
        let settling = shared.spawn(|shared| shared.waiters.settle(key(), Disposition::Handled));
        leaving.join().unwrap();
        settling.join().unwrap();
        assert_eq!(told(&mut stays), Some(Disposition::Handled));
        drop(stays);
        assert!(shared.waiters.is_empty());
    });
}

#[test]
fn a_waiter_that_comes_while_another_leaves_is_told() {
    loom::model(|| {
        let shared = Shared::new();
        let leaving = shared.spawn(|shared| drop(shared.register()));
        let mut comes = shared.register();
        leaving.join().unwrap();
        shared.waiters.settle(key(), Disposition::Failed);
        assert_eq!(told(&mut comes), Some(Disposition::Failed));
        drop(comes);
        assert!(shared.waiters.is_empty());
    });
}

/// A waiter that leaves late must not close the queue of later waiters.
#[test]
fn a_waiter_that_leaves_late_does_not_close_the_next_queue() {
    loom::model(|| {
        let shared = Shared::new();
        let (waits, waiting) = loom::sync::mpsc::channel();
        let left = shared.spawn(move |shared| {
            let waiter = shared.register();
            waits.send(()).expect("the test receives it");
            drop(waiter);
        });
        waiting.recv().expect("a waiter");
        shared.waiters.settle(key(), Disposition::Failed);
        let mut next = shared.register();
        left.join().unwrap();
        shared.waiters.settle(key(), Disposition::Handled);
        assert_eq!(told(&mut next), Some(Disposition::Handled));
        drop(next);
        assert!(shared.waiters.is_empty());
    });
}

#[test]
fn one_of_two_waiters_gets_the_last_room() {
    loom::model(|| {
        let shared = Shared::new();
        let mut waiting: Vec<_> = (1..MAX_OF_A_RECORD).map(|_| shared.register()).collect();
        let (left, was_left) = loom::sync::mpsc::channel();
        let other = shared.spawn(move |shared| {
            let waiter = shared.waiters.register(key());
            // It stays until the first thread has tried, too.
            was_left.recv().expect("the test sends it");
            waiter.is_some()
        });
        let mine = shared.waiters.register(key());
        left.send(()).expect("the other receives it");
        assert!(mine.is_some() != other.join().unwrap());
        shared.waiters.settle(key(), Disposition::Handled);
        waiting.extend(mine);
        for waiter in &mut waiting {
            assert_eq!(told(waiter), Some(Disposition::Handled));
        }
        drop(waiting);
        assert!(shared.waiters.is_empty());
    });
}
