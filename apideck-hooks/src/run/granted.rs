//! A granted claim and its run.

use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::time::Instant;

use super::job::WorkerPart;
use super::owners::Owner;
use crate::delivery::{ClaimLost, RunFacts};
use crate::disposition::Disposition;
use crate::observe::{About, RunOf};
use crate::store::Grant;

/// A granted claim and its run.
pub(super) struct Granted<'a> {
    pub(super) grant: Grant,
    /// The event and its attempt.
    pub(super) of: RunOf,
    /// The claim wrote the letter of a last delivery.
    pub(super) lettered: bool,
    pub(super) lease: Lease,
    pub(super) lost: ClaimLost,
    /// Present if a worker runs the event.
    pub(super) worker: Option<Box<WorkerPart>>,
    /// Set once the handler waits. A duplicate in this process then waits to be told.
    pub(super) owner: OnceLock<Owner<'a>>,
}

/// The moment until which a claim certainly holds, by this process's clock.
pub(super) struct Lease(Mutex<Instant>);

impl Granted<'_> {
    pub(super) fn new(grant: Grant, of: RunOf, lettered: bool, lease_end: Instant, lost: ClaimLost) -> Self {
        Self {
            grant,
            of,
            lettered,
            lease: Lease(Mutex::new(lease_end)),
            lost,
            worker: None,
            owner: OnceLock::new(),
        }
    }

    /// Returns the disposition that can be answered.
    ///
    /// The letter of a last delivery is kept until the event succeeds. So the event is not lost,
    /// and a refusal would only let Apideck disable the subscription.
    pub(super) fn acknowledged(&self, disposition: Disposition) -> Disposition {
        match disposition {
            Disposition::Failed | Disposition::Later { .. } if self.lettered => Disposition::DeadLettered,
            disposition => disposition,
        }
    }

    /// Tells if any failure of this run dead-letters the event.
    pub(super) fn is_final(&self, replay: bool) -> bool {
        replay || self.lettered || self.worker.as_ref().is_some_and(|worker| worker.is_over())
    }

    /// Returns the event, if there is an observer.
    pub(super) fn about(&self) -> Option<&About> {
        self.of.about.as_deref()
    }

    /// Returns the facts of the run, for its handler.
    pub(super) fn run_facts(&self) -> RunFacts {
        RunFacts {
            attempt: self.of.attempt,
            token: Some(self.grant.token),
        }
    }
}

impl Lease {
    pub(super) fn end(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn extend(&self, at: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}
