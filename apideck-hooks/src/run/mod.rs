//! One event's run: claim it, run its handler under a lease, record the end.
//!
//! # How it works
//!
//! `deliver` claims the event's record. A granted claim runs the handler (`attend`), turns its end into a record change
//! and a disposition (`judge`), and records it (`finish`). While the handler waits, the claim is renewed (`lease`). A
//! claim that is not granted belongs to a duplicate, which waits for the running delivery's disposition (`duplicates`,
//! `waiters`) or is answered from the record. `in_transaction` is the same way for a handler that takes the store's
//! transaction, with one open transaction an event in this process (`active_transactions`).
//!
//! A process can die between any two of these steps. The lease then ends the claim, so correctness never depends on
//! `guard`, which only releases the claim sooner.

mod active_transactions;
mod attend;
mod deliver;
mod duplicates;
mod finish;
mod guard;
mod in_transaction;
#[cfg(all(test, apideck_hooks_loom))]
mod interleavings;
mod judge;
mod lease;
mod panic;
mod phase;
mod runner;
mod waiters;

pub(crate) use phase::Phase;
pub(crate) use runner::{Job, Runner};
