//! The events whose handlers run in this process.
//!
//! # How it works
//!
//! A duplicate of an event that runs in this process needs no look at the store, because its owner
//! tells the waiters. The duplicate registers as a waiter first and asks for an owner afterwards.
//! The owner leaves first and tells the waiters afterwards. So a duplicate that finds an owner is
//! told.

use std::collections::HashSet;
use std::sync::PoisonError;

use super::waiter_queues::Waiters;
use crate::delivery::Key;
use crate::disposition::{Disposition, Why};
use crate::sync::Mutex;

/// The records whose owners are in this process.
#[derive(Default)]
pub(super) struct Owners(Mutex<HashSet<Key>>);

/// The owner of a record. Dropping it without [`settle`](Owner::settle) tells the waiters to come
/// later.
pub(super) struct Owner<'a> {
    owners: &'a Owners,
    waiters: &'a Waiters,
    record: Key,
    disposition: Disposition,
}

impl Owners {
    /// Enters the owner of a record.
    pub(super) fn enter<'a>(&'a self, waiters: &'a Waiters, record: Key) -> Owner<'a> {
        self.lock().insert(record);
        Owner {
            owners: self,
            waiters,
            record,
            disposition: Disposition::later(Why::ShuttingDown),
        }
    }

    /// Tells if the record's owner is in this process.
    pub(super) fn contains(&self, record: Key) -> bool {
        self.lock().contains(&record)
    }

    fn lock(&self) -> crate::sync::MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner<'_> {
    /// Tells the waiters the disposition. Call it after the record was settled.
    pub(super) fn settle(mut self, disposition: Disposition) {
        self.disposition = disposition;
    }
}

impl Drop for Owner<'_> {
    fn drop(&mut self) {
        // In this order, because a duplicate that finds an owner waits to be told.
        self.owners.lock().remove(&self.record);
        self.waiters.settle(self.record, self.disposition);
    }
}
