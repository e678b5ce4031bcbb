//! The messages between a handler's transaction and the writer.

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::store::transactions::{Begun, Committed, Ending};
use crate::store::{Grant, StoreError};

/// A handler's wish for its transaction.
pub(super) struct Begin(pub(super) oneshot::Sender<Result<Begun, StoreError>>);

/// The end of a handler's transaction.
pub(super) struct EndOrder {
    /// Commits the end of this run. `None` rolls back.
    pub(super) commit: Option<Grant>,
    pub(super) reply: oneshot::Sender<Committed>,
}

pub(super) struct SqliteEnding(pub(super) oneshot::Sender<EndOrder>);

impl SqliteEnding {
    async fn order(self, commit: Option<Grant>) -> Committed {
        let (reply, committed) = oneshot::channel();
        // If it cannot be sent, the reply is dropped.
        let _ = self.0.send(EndOrder { commit, reply });
        let ended = |_| {
            Committed::Unknown(StoreError::new(
                "the runtime that the store was opened in has ended",
            ))
        };
        committed.await.unwrap_or_else(ended)
    }
}

#[async_trait]
impl Ending for SqliteEnding {
    async fn commit(self: Box<Self>, grant: Grant) -> Committed {
        self.order(Some(grant)).await
    }

    async fn roll_back(self: Box<Self>) {
        self.order(None).await;
    }
}
