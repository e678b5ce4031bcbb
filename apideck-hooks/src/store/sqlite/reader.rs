//! Reads committed data on a connection beside the writer's.

use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::Mutex;

use super::batch::{Batch, Settings};
use super::database::{Database, Failed};
use super::needs::Needs;
use crate::delivery::Key;
use crate::store::{Claim, Claimed, Status, StoreError};

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
    pub(super) async fn claim(
        &self,
        claim: &Claim,
        settings: Settings,
    ) -> Result<Option<Claimed>, StoreError> {
        let needs = Needs::of_claim(claim);
        self.read(async |connection| {
            let mut batch = Batch::load(connection, &[&needs], settings).await?;
            let claimed = batch.claim(claim);
            Ok((!batch.is_changed()).then_some(claimed))
        })
        .await
    }

    pub(super) async fn status(&self, record: Key, settings: Settings) -> Result<Status, StoreError> {
        let needs = Needs::of_record(record);
        self.read(async |connection| {
            let batch = Batch::load(connection, &[&needs], settings).await?;
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
