//! Case 31: no delivery that waits for another is left without an answer, under every interleaving of a few threads.

use super::memory::MemoryStore;
use super::places::Places;
use super::store::{Claim, End, Held, Status, Store, Verdict};
use super::twins::{Twins, Wait};
use crate::delivery::Key;
use crate::service::Answer;
use futures_util::FutureExt;
use loom::thread;
use std::sync::Arc;
use std::time::Duration;

fn key() -> Key {
    Key::from_bytes([1; 16])
}

/// A call to a store in memory.
fn now<T, E: std::fmt::Debug>(call: impl Future<Output = Result<T, E>>) -> T {
    call.now_or_never().expect("at once").expect("memory")
}

fn told(wait: &mut Wait<'_>) -> Option<Answer> {
    wait.answer().now_or_never()
}

#[derive(Default)]
struct Shared {
    store: MemoryStore,
    twins: Twins,
    places: Places,
}

/// Who registers and then finds the record running is told.
#[test]
fn who_finds_the_record_running_is_told() {
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
                shared.twins.settled(key(), Answer::Handled);
            })
        };
        let mut wait = shared.twins.wait(key());
        let status = now(shared.store.status(key()));
        settling.join().unwrap();
        match status {
            Status::Running { .. } => assert_eq!(told(&mut wait), Some(Answer::Handled)),
            other => assert_eq!(other, Status::Done { token }),
        }
        drop(wait);
        assert!(shared.twins.is_empty());
    });
}

/// Whoever else comes and goes.
#[test]
fn who_leaves_takes_no_answer_from_who_stays() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let mut stays = shared.twins.wait(key());
        let leaving = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || drop(shared.twins.wait(key())))
        };
        let settling = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.twins.settled(key(), Answer::Handled))
        };
        leaving.join().unwrap();
        settling.join().unwrap();
        assert_eq!(told(&mut stays), Some(Answer::Handled));
        drop(stays);
        assert!(shared.twins.is_empty());
    });
}

#[test]
fn who_comes_while_another_leaves_is_told() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let leaving = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || drop(shared.twins.wait(key())))
        };
        let mut comes = shared.twins.wait(key());
        leaving.join().unwrap();
        shared.twins.settled(key(), Answer::Failed);
        assert_eq!(told(&mut comes), Some(Answer::Failed));
        drop(comes);
        assert!(shared.twins.is_empty());
    });
}

/// Of an answer that was given before: the next to wait is not his.
#[test]
fn who_leaves_late_does_not_close_the_next_queue() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let (waits, left) = {
            let shared = Arc::clone(&shared);
            let (waits, told) = loom::sync::mpsc::channel();
            let thread = thread::spawn(move || {
                let wait = shared.twins.wait(key());
                waits.send(()).expect("it is waited for");
                drop(wait);
            });
            (told, thread)
        };
        waits.recv().expect("a wait");
        shared.twins.settled(key(), Answer::Failed);
        let mut next = shared.twins.wait(key());
        left.join().unwrap();
        shared.twins.settled(key(), Answer::Handled);
        assert_eq!(told(&mut next), Some(Answer::Handled));
        drop(next);
        assert!(shared.twins.is_empty());
    });
}

#[test]
fn a_place_is_taken_by_one() {
    loom::model(|| {
        let places: &'static Places = Box::leak(Box::default());
        let other = thread::spawn(|| places.take(key()));
        let (mine, other) = (places.take(key()), other.join().unwrap());
        assert!(mine.is_some() != other.is_some());
        drop((mine, other));
        assert!(places.take(key()).is_some());
    });
}

/// As a transaction's duplicate does: the place is free and taken, or its owner tells how it ended.
#[test]
fn who_finds_the_place_taken_is_told() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let owner = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let Some(place) = shared.places.take(key()) else {
                    return false;
                };
                drop(place);
                shared.twins.settled(key(), Answer::Handled);
                true
            })
        };
        let mut waits = Vec::new();
        let taken = loop {
            if let Some(place) = shared.places.take(key()) {
                break Some(place);
            }
            let wait = shared.twins.wait(key());
            if shared.places.is_taken(key()) {
                waits.push(wait);
                break None;
            }
        };
        // It has the place for good, so that the owner either had it before or finds it taken.
        let owned = owner.join().unwrap();
        assert!(owned || taken.is_some());
        if let Some(wait) = waits.first_mut() {
            assert_eq!(told(wait), Some(Answer::Handled));
        }
        drop((taken, waits));
        assert!(shared.places.take(key()).is_some());
        assert!(shared.twins.is_empty());
    });
}
