//! One event's run: claim the event, run its handler under a lease, record the end.
//!
//! # How it works
//!
//! `deliver` claims the event's record. If the claim is granted, `attend` runs the handler, and
//! `lease` renews the claim while the handler waits. `judge` turns the handler's outcome into a
//! change of the record and a disposition. `finish` sends the change to the store.
//!
//! If the claim is not granted, the delivery is a duplicate. `duplicates` answers it from the
//! record, or waits for the disposition of the delivery that runs the event (`waiter_queues`).
//!
//! `in_transaction` runs a handler that takes the store's transaction. `take_back` withdraws a
//! claim whose answer was lost.
//!
//! A process can die between any two of these steps. The lease then ends, and the event can be
//! claimed again. Correctness never depends on `guard`, which only releases a claim earlier.

mod attend;
mod blocking;
mod deliver;
mod duplicates;
mod finish;
mod granted;
mod guard;
mod in_transaction;
#[cfg(all(test, apideck_hooks_loom))]
mod interleavings;
mod job;
mod judge;
mod lease;
mod owners;
mod panic;
mod phase;
mod retry;
mod runner;
mod take_back;
mod waiter_queues;

pub use retry::Retry;

pub(crate) use job::{EventHandler, FetchedClaim, Job, WorkerPart};
pub(crate) use phase::Phase;
pub(crate) use runner::Runner;
