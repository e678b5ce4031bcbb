//! Fetches that failed.
//!
//! # How it works
//!
//! A fetch whose answer was lost may have claimed records. Nobody runs them, so their attempts must
//! not count. The next fetch gives them back first, by the claim id of the one that failed. A
//! failure of that does not hold the fetch up. Without it, the leases end the claims.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::call::Call;
use super::connections::Connections;
use super::text::escape;
use crate::delivery::Key;
use crate::store::{ClaimId, Fetch, Fetched};

/// Most failed fetches that are given back. The leases end the claims of others.
const MOST: usize = 16;

/// The fetches that failed, from the oldest.
#[derive(Default)]
pub(super) struct LostFetches(Mutex<Vec<LostFetch>>);

struct LostFetch {
    source: String,
    id: ClaimId,
    /// The records of an earlier part, which has arrived.
    arrived: Vec<Key>,
}

impl LostFetches {
    /// Adds a fetch that failed after these records had arrived.
    pub(super) fn add(&self, fetch: &Fetch, arrived: &[Fetched]) {
        self.push(LostFetch {
            source: fetch.source.clone(),
            id: fetch.id,
            arrived: arrived.iter().map(|fetched| fetched.grant.record).collect(),
        });
    }

    /// Withdraws the claims of the fetches that failed. Those that are left are for the next time.
    pub(super) async fn give_back(&self, connections: &Connections) {
        loop {
            let Some(lost) = self.lock().pop() else { return };
            let arrived: Vec<_> = lost.arrived.iter().map(|record| record.to_bytes()).collect();
            let call = Call::new(&connections.statements().give_back)
                .bind(escape(&lost.source))
                .bind(lost.id.to_bytes())
                .bind(arrived);
            if let Err(error) = connections.call(call).await {
                tracing::debug!(%error, "the claims of a lost fetch were not given back");
                return self.push(lost);
            }
        }
    }

    fn push(&self, lost: LostFetch) {
        let mut all = self.lock();
        if all.len() < MOST {
            all.push(lost);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<LostFetch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
