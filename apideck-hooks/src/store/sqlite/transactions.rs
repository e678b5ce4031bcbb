//! The store's side of a handler's transaction: asking the writer for its connection.

use super::SqliteStore;
use super::operation::{Begin, Operation};
use crate::handler::Transactional;
use crate::store::transactions::{Begun, Committed, Ending, Transactions, sealed};
use crate::store::{Claim, Claimed, End, StoreError};
use async_trait::async_trait;
use sqlx::Sqlite;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

impl sealed::Sealed for SqliteStore {}

#[async_trait]
impl Transactions for SqliteStore {
    fn database(&self) -> &'static str {
        <Sqlite as Transactional>::NAME
    }

    async fn begin(&self, claim: Claim, patience: Duration) -> Result<Begun, StoreError> {
        let (reply, begun) = oneshot::channel();
        let asked = async {
            self.begins
                .send(Begin { claim, reply })
                .await
                .map_err(|_| self.gone())?;
            begun.await.map_err(|_| self.gone())?
        };
        // What is given too late is dropped, and so rolled back.
        timeout(patience, asked).await.unwrap_or(Ok(Begun::Busy))
    }

    async fn count(&self, claim: Claim, end: End) -> Result<Claimed, StoreError> {
        let end = self.fit(end);
        self.ask(|reply| Operation::Count(claim, end, reply)).await
    }
}

pub(super) struct SqliteEnding(pub(super) oneshot::Sender<oneshot::Sender<Committed>>);

#[async_trait]
impl Ending for SqliteEnding {
    async fn commit(self: Box<Self>) -> Committed {
        let (reply, committed) = oneshot::channel();
        let gone = || {
            Committed::Unknown(StoreError::new(
                "the runtime that the store was opened in has ended",
            ))
        };
        if self.0.send(reply).is_err() {
            return gone();
        }
        committed.await.unwrap_or_else(|_| gone())
    }

    /// What comes after it is done after it.
    async fn roll_back(self: Box<Self>) {}
}
