//! What is set aside. A letter lives in the row of its record.

use super::PostgresStore;
use super::call::{query, rows};
use super::limits::micros;
use super::row::{count, get, key, unexpected};
use crate::delivery::Key;
use crate::store::StoreError;
use crate::store::dead_letters::{Cursor, DeadLetter, DeadLetterStore, DeadRecord, since_epoch};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use std::sync::Arc;

#[async_trait]
impl DeadLetterStore for PostgresStore {
    async fn list(&self, before: Option<Cursor>, limit: u32) -> Result<Vec<DeadRecord>, StoreError> {
        let query = self
            .about(&self.statements.list_letters, before.map(|before| before.record))
            .bind(i64::from(limit))
            .bind(before.map(|before| before.at));
        let rows = rows(&self.connections, query).await?;
        rows.iter().map(letter).collect()
    }

    async fn get(&self, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        let query = self.about(&self.statements.get_letter, Some(record));
        rows(&self.connections, query)
            .await?
            .first()
            .map(letter)
            .transpose()
    }

    async fn release(&self, record: Key) -> Result<bool, StoreError> {
        let query = self.about(&self.statements.release_letter, Some(record));
        Ok(!rows(&self.connections, query).await?.is_empty())
    }

    async fn purge(&self, record: Key) -> Result<bool, StoreError> {
        let query = self.about(&self.statements.purge_letter, Some(record));
        Ok(!rows(&self.connections, query).await?.is_empty())
    }
}

impl PostgresStore {
    /// A statement about a kept record.
    fn about(&self, sql: &Arc<str>, record: Option<Key>) -> Query<'static, Postgres, PgArguments> {
        query(sql)
            .bind(micros(self.limits.retention))
            .bind(record.map(Key::to_bytes))
    }
}

fn letter(row: &PgRow) -> Result<DeadRecord, StoreError> {
    let (record, at) = (key(row, 0)?, get(row, 2)?);
    Ok(DeadRecord {
        record,
        cursor: Cursor { at, record },
        attempts: count(get(row, 1)?)?,
        since: since_epoch(at).ok_or_else(unexpected)?,
        letter: DeadLetter {
            source: get(row, 3)?,
            event_type: get(row, 4)?,
            event_id: get(row, 5)?,
            error: get(row, 6)?,
            body: get::<Option<Vec<u8>>>(row, 7)?.map(Bytes::from),
        },
    })
}
