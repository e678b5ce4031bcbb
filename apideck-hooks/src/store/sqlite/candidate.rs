//! The records that a fetch can claim, as the table has them.

use bytes::Bytes;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::database::Failed;
use super::row::{self, COLUMNS};
use crate::delivery::Key;
use crate::store::{Context, DeadLetter};

/// A record that a fetch can claim.
pub(super) struct Candidate {
    pub(super) key: Key,
    pub(super) accepted_at: i64,
    pub(super) due: i64,
    pub(super) idempotency_key: Option<String>,
    pub(super) kept: DeadLetter,
}

impl Candidate {
    pub(super) fn decode(row: &SqliteRow, source: &str) -> Result<Self, Failed> {
        let text = |column: usize| row.try_get::<&str, _>(COLUMNS + column);
        let body: Vec<u8> = row.try_get(COLUMNS + 8)?;
        Ok(Self {
            key: row::key(row, 0)?,
            due: row.try_get(COLUMNS)?,
            accepted_at: row.try_get(COLUMNS + 1)?,
            idempotency_key: row.try_get(COLUMNS + 2)?,
            kept: DeadLetter::new(source, Bytes::from(body))
                .event(text(3)?, text(4)?, text(5)?, text(6)?)
                .context(Context::from_json(text(7)?)),
        })
    }
}
