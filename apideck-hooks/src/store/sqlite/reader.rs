//! Reads committed data on a connection beside the writer's.

use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::Mutex;

use super::batch::{Batch, Terms};
use super::database::{Database, Failed};
use super::wanted::Wanted;
use crate::delivery::Key;
use crate::store::{Acceptance, Accepted, Claim, Claimed, Status, StoreError};

pub(super) struct Reader {
    database: Database,
    /// `None` after a failure. A call that is dropped leaves nothing behind, because each statement
    /// reads by itself.
    connection: Mutex<Option<SqliteConnection>>,
}

impl Reader {
    pub(super) fn new(database: Database) -> Self {
        Self {
            database,
            connection: Mutex::new(None),
        }
    }

    /// Answers a claim that changes nothing, such as one of a settled event. So it does not wait
    /// for the writer. Returns `None` for every other claim.
    pub(super) async fn claim(&self, claim: &Claim, terms: Terms) -> Result<Option<Claimed>, StoreError> {
        let wanted = Wanted::of_claim(claim);
        self.read(async |connection| {
            let mut batch = Batch::load(connection, &[&wanted], terms).await?;
            let claimed = batch.claim(claim);
            Ok((!batch.is_changed()).then_some(claimed))
        })
        .await
    }

    /// Answers an acceptance that changes nothing, because the event was accepted before or is
    /// settled.
    pub(super) async fn accept(
        &self,
        acceptance: &Acceptance,
        terms: Terms,
    ) -> Result<Option<Accepted>, StoreError> {
        let wanted = Wanted::of_acceptance(acceptance);
        self.read(async |connection| {
            let mut batch = Batch::load(connection, &[&wanted], terms).await?;
            let accepted = batch.accept(acceptance);
            Ok((!batch.is_changed()).then_some(accepted))
        })
        .await
    }

    pub(super) async fn status(&self, record: Key, terms: Terms) -> Result<Status, StoreError> {
        let wanted = Wanted::of_record(record);
        self.read(async |connection| {
            let batch = Batch::load(connection, &[&wanted], terms).await?;
            Ok(batch.status(record))
        })
        .await
    }

    /// Closes the connection.
    pub(super) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            let _ = connection.close().await;
        }
    }

    pub(super) async fn read<T>(
        &self,
        read: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Failed>,
    ) -> Result<T, StoreError> {
        let mut guard = self.connection.lock().await;
        let result = async {
            let connection = match &mut *guard {
                Some(connection) => connection,
                None => guard.insert(self.database.reader().await?),
            };
            read(connection).await
        };
        let result = result.await;
        result.map_err(|failed| {
            if matches!(failed, Failed::Sql(_)) {
                *guard = None;
            }
            StoreError::new(self.database.explain(&failed))
        })
    }
}
