//! Case 31: each waiter gets a disposition, under every interleaving of a few threads.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use loom::thread;

use super::active_transactions::ActiveTransactions;
use super::waiter_queues::{Waiter, Waiters};
use crate::delivery::Key;
use crate::disposition::Disposition;
use crate::store::{Claim, End, Held, MemoryStore, Status, Store, Verdict};

fn key() -> Key {
    Key::from_bytes([1; 16])
}

/// Returns the result of a call to a store in memory, which is ready at once.
fn now<T, E: std::fmt::Debug>(call: impl Future<Output = Result<T, E>>) -> T {
    call.now_or_never().expect("at once").expect("memory")
}

/// Returns the disposition that the waiter was sent. `None` if none was sent yet.
fn told(waiter: &mut Waiter<'_>) -> Option<Disposition> {
    waiter.disposition().now_or_never()
}

#[derive(Default)]
struct Shared {
    store: MemoryStore,
    waiters: Waiters,
    active_transactions: ActiveTransactions,
}

#[test]
fn a_waiter_that_finds_the_record_running_is_told() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let claim = Claim::new(key(), None, Duration::from_secs(1000));
        let Verdict::Granted { token, .. } = now(shared.store.claim(claim)).verdict else {
            panic!("it is new")
        };
        let settling = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                assert_eq!(now(shared.store.finish(key(), token, End::Done)), Held::Yes);
                shared.waiters.settle(key(), Disposition::Handled);
            })
        };
        let mut waiter = shared.waiters.register(key());
        let status = now(shared.store.status(key()));
        settling.join().unwrap();
        match status {
            Status::Running { .. } => assert_eq!(told(&mut waiter), Some(Disposition::Handled)),
            other => assert_eq!(other, Status::Done { token }),
        }
        drop(waiter);
        assert!(shared.waiters.is_empty());
    });
}

#[test]
fn a_waiter_that_leaves_takes_nothing_from_one_that_stays() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let mut stays = shared.waiters.register(key());
        let leaving = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || drop(shared.waiters.register(key())))
        };
        let settling = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.waiters.settle(key(), Disposition::Handled))
        };
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
        let shared = Arc::new(Shared::default());
        let leaving = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || drop(shared.waiters.register(key())))
        };
        let mut comes = shared.waiters.register(key());
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
        let shared = Arc::new(Shared::default());
        let (waits, left) = {
            let shared = Arc::clone(&shared);
            let (waits, waiting) = loom::sync::mpsc::channel();
            let thread = thread::spawn(move || {
                let waiter = shared.waiters.register(key());
                waits.send(()).expect("the test receives it");
                drop(waiter);
            });
            (waiting, thread)
        };
        waits.recv().expect("a waiter");
        shared.waiters.settle(key(), Disposition::Failed);
        let mut next = shared.waiters.register(key());
        left.join().unwrap();
        shared.waiters.settle(key(), Disposition::Handled);
        assert_eq!(told(&mut next), Some(Disposition::Handled));
        drop(next);
        assert!(shared.waiters.is_empty());
    });
}

#[test]
fn one_delivery_has_the_transaction() {
    loom::model(|| {
        let active: &'static ActiveTransactions = Box::leak(Box::default());
        let other = thread::spawn(|| active.enter(key()));
        let (mine, other) = (active.enter(key()), other.join().unwrap());
        assert!(mine.is_some() != other.is_some());
        drop((mine, other));
        assert!(active.enter(key()).is_some());
    });
}

/// A duplicate of a transaction either finds no active transaction, or is told.
#[test]
fn a_waiter_that_finds_the_transaction_active_is_told() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let owner = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let Some(active) = shared.active_transactions.enter(key()) else {
                    return false;
                };
                drop(active);
                shared.waiters.settle(key(), Disposition::Handled);
                true
            })
        };
        let mut waiters = Vec::new();
        let taken = loop {
            if let Some(active) = shared.active_transactions.enter(key()) {
                break Some(active);
            }
            let waiter = shared.waiters.register(key());
            if shared.active_transactions.contains(key()) {
                waiters.push(waiter);
                break None;
            }
        };
        // The duplicate holds the permission, so the owner either had it earlier or is refused it.
        let owned = owner.join().unwrap();
        assert!(owned || taken.is_some());
        if let Some(waiter) = waiters.first_mut() {
            assert_eq!(told(waiter), Some(Disposition::Handled));
        }
        drop((taken, waiters));
        assert!(shared.active_transactions.enter(key()).is_some());
        assert!(shared.waiters.is_empty());
    });
}
