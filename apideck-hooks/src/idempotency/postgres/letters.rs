//! What is set aside. A letter lives in the row of its record.

use super::connection::{query, rows};
use super::{PostgresStore, count, get, key, micros, unexpected};
use crate::delivery::Key;
use crate::idempotency::dead_letters::{DeadLetter, DeadLetters, DeadRecord};
use crate::idempotency::store::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use std::sync::Arc;

#[async_trait]
impl DeadLetters for PostgresStore {
    async fn list(&self, before: Option<Key>, limit: u32) -> Result<Vec<DeadRecord>, StoreError> {
        let query = self
            .about(&self.statements.list_letters, before)
            .bind(i64::from(limit));
        let rows = rows(&self.pool, query).await?;
        rows.iter().map(letter).collect()
    }

    async fn get(&self, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        let query = self.about(&self.statements.get_letter, Some(record));
        rows(&self.pool, query).await?.first().map(letter).transpose()
    }

    async fn release(&self, record: Key) -> Result<bool, StoreError> {
        let query = self.about(&self.statements.release_letter, Some(record));
        let rows = rows(&self.pool, query).await?;
        let [row] = &rows[..] else {
            return Err(unexpected());
        };
        // To hand an empty body to a handler would be a lie.
        if get(row, 1)? {
            return Err(StoreError::new(
                "the body was too large to keep: this dead letter cannot be replayed",
            ));
        }
        get(row, 0)
    }

    async fn purge(&self, record: Key) -> Result<bool, StoreError> {
        let query = self.about(&self.statements.purge_letter, Some(record));
        Ok(!rows(&self.pool, query).await?.is_empty())
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

/// The letter, as the statement takes it. PostgreSQL's text holds no NUL: the body, which is bytes, has it all.
pub(super) fn bind<'q>(
    query: Query<'q, Postgres, PgArguments>,
    letter: &'q DeadLetter,
    longest_body: usize,
) -> Query<'q, Postgres, PgArguments> {
    let text = |text: &str| text.replace('\0', "\u{fffd}");
    let body = (letter.body.len() <= longest_body).then_some(&letter.body[..]);
    let mut error = letter.error.clone();
    if body.is_none() {
        error.insert_str(
            0,
            &format!("the body was too large to keep ({} bytes); ", letter.body.len()),
        );
        error.truncate(error.floor_char_boundary(DeadLetter::MAX_ERROR));
    }
    query
        .bind(text(&letter.source))
        .bind(text(&letter.event_type))
        .bind(text(&letter.event_id))
        .bind(text(&error))
        .bind(body)
}

fn letter(row: &PgRow) -> Result<DeadRecord, StoreError> {
    Ok(DeadRecord {
        record: key(row, 0)?,
        attempts: count(get(row, 1)?)?,
        since: jiff::Timestamp::from_microsecond(get(row, 2)?).map_err(|_| unexpected())?,
        letter: DeadLetter {
            source: get(row, 3)?,
            event_type: get(row, 4)?,
            event_id: get(row, 5)?,
            error: get(row, 6)?,
            body: Bytes::from(get::<Option<Vec<u8>>>(row, 7)?.unwrap_or_default()),
        },
    })
}
