//! Looking at what was committed, on a connection beside the writer's.

use super::batch::{decode, key};
use super::database::{Database, Failed};
use super::record::Now;
use crate::delivery::Key;
use crate::store::dead_letters::{Cursor, DeadLetter, DeadRecord, since_epoch};
use crate::store::{Status, StoreError};
use bytes::Bytes;
use sqlx::{Row, SqliteConnection};
use std::time::UNIX_EPOCH;
use tokio::sync::Mutex;

/// Bodies in one list, in bytes: a list ends with the letter that reaches it.
pub(super) const LIST_BYTES: usize = 16 * 1024 * 1024;
/// Letters in one list, at the most.
pub(super) const LIST: u32 = 1000;

pub(super) struct Reader {
    database: Database,
    /// None after a failure. Single statements that only read: one that is dropped half-way leaves nothing behind.
    connection: Mutex<Option<SqliteConnection>>,
}

impl Reader {
    pub(super) fn new(database: Database) -> Self {
        Reader {
            database,
            connection: Mutex::new(None),
        }
    }

    pub(super) async fn status(&self, record: Key, now: &Now) -> Result<Status, StoreError> {
        self.read(async |connection| {
            let row = sqlx::query(
                "SELECT state, at, boot, token, attempt, aliases, letter FROM apideck_hooks_records WHERE key = ?1",
            )
            .bind(record.to_bytes().to_vec())
            .fetch_optional(connection)
            .await?;
            Ok(match row {
                Some(row) => decode(&row, 0)?.status(now),
                None => Status::Absent,
            })
        })
        .await
    }

    pub(super) async fn letter(&self, record: Key, now: &Now) -> Result<Option<DeadRecord>, StoreError> {
        self.read(async |connection| letter(connection, record, now).await)
            .await
    }

    pub(super) async fn letters(
        &self,
        before: Option<Cursor>,
        limit: u32,
        now: &Now,
    ) -> Result<Vec<DeadRecord>, StoreError> {
        self.read(async |connection| {
            let rows = sqlx::query(
                "SELECT key FROM apideck_hooks_dead_letters AS l JOIN apideck_hooks_records AS r USING (key)
                WHERE l.id < ?1 AND (r.state = 1 OR r.at > ?2) ORDER BY l.id DESC LIMIT ?3",
            )
            .bind(before.map_or(i64::MAX, |before| before.at))
            .bind(now.at.saturating_sub(now.retention))
            .bind(i64::from(limit.min(LIST)))
            .fetch_all(&mut *connection)
            .await?;
            let mut found = Vec::new();
            let mut bytes = 0;
            for row in &rows {
                let Some(dead) = letter(connection, key(row, 0)?, now).await? else {
                    continue;
                };
                bytes += dead.letter.body.as_ref().map_or(0, Bytes::len);
                found.push(dead);
                if bytes >= LIST_BYTES {
                    break;
                }
            }
            Ok(found)
        })
        .await
    }

    async fn read<T>(
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

async fn letter(
    connection: &mut SqliteConnection,
    record: Key,
    now: &Now,
) -> Result<Option<DeadRecord>, Failed> {
    let row = sqlx::query(
        "SELECT l.attempts, l.since, l.source, l.event_type, l.event_id, l.error, l.body,
        r.state, r.at, r.boot, r.token, r.attempt, r.aliases, r.letter, l.id
        FROM apideck_hooks_dead_letters AS l JOIN apideck_hooks_records AS r USING (key) WHERE l.key = ?1",
    )
    .bind(record.to_bytes().to_vec())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if decode(&row, 7)?.is_over(now) {
        return Ok(None);
    }
    Ok(Some(DeadRecord {
        record,
        cursor: Cursor {
            at: row.try_get(14)?,
            record,
        },
        attempts: u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or(u32::MAX),
        since: since_epoch(row.try_get::<i64, _>(1)?.saturating_mul(1000)).unwrap_or(UNIX_EPOCH),
        letter: DeadLetter {
            source: row.try_get(2)?,
            event_type: row.try_get(3)?,
            event_id: row.try_get(4)?,
            error: row.try_get(5)?,
            body: row.try_get::<Option<Vec<u8>>, _>(6)?.map(Bytes::from),
        },
    }))
}
