//! The dead letters, which are columns of their records.

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::SqliteStore;
use super::batch::Batch;
use super::database::Failed;
use super::row::{COLUMNS, Row, columns};
use super::wanted::Wanted;
use crate::delivery::Key;
use crate::store::{
    Claim, Context, Cursor, DeadLetter, DeadLetterStore, DeadRecord, LetterFilter, Purged, StoreError,
    Verdict,
};

/// Limit of the letters of a page.
const PAGE: u32 = 1000;
/// A page ends with the letter whose body reaches this number of bytes.
const PAGE_BYTES: i64 = 16 * 1024 * 1024;

macro_rules! letter_columns {
    () => {
        concat!(
            columns!(),
            ", r.dead_at, r.event_type, r.event_id, r.entity_id, r.consumer_id, r.context, r.error, r.body"
        )
    };
}

/// The letters of a source that match a filter.
macro_rules! matching {
    () => {
        "FROM apideck_hooks_records WHERE source = ?1 AND dead_at IS NOT NULL AND dead_at >= ?2 AND dead_at < ?3
        AND (?4 IS NULL OR event_type = ?4) AND (?5 IS NULL OR instr(CAST(event_type AS BLOB), ?5) = 1)"
    };
}

/// Bodies are read only of the letters that the page has room for.
const LIST: &str = concat!(
    "WITH matching AS (
        SELECT id, dead_at, key, length(body) AS bytes ",
    matching!(),
    " AND (dead_at, key) < (?6, ?7) ORDER BY dead_at DESC, key DESC LIMIT ?8
    ), page AS (
        SELECT id, sum(bytes) OVER (ORDER BY dead_at DESC, key DESC) - bytes AS earlier FROM matching
    )
    SELECT ",
    letter_columns!(),
    " FROM page CROSS JOIN apideck_hooks_records AS r USING (id) WHERE earlier < ?9
    ORDER BY r.dead_at DESC, r.key DESC"
);
const COUNT: &str = concat!("SELECT count(*) ", matching!());
const SOURCES: &str = "
    SELECT source, count(*) FROM apideck_hooks_records WHERE dead_at IS NOT NULL GROUP BY source ORDER BY source";
const GET: &str = concat!(
    "SELECT ",
    letter_columns!(),
    " FROM apideck_hooks_records AS r WHERE r.key = ?1 AND r.source = ?2 AND r.dead_at IS NOT NULL"
);

#[async_trait]
impl DeadLetterStore for SqliteStore {
    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<DeadRecord>, StoreError> {
        let (since, until) = filter.microseconds();
        let (name, prefix) = named(filter);
        // No letter has the greatest time, so a list without a cursor begins at the newest one.
        let (at, key) = before.map_or((i64::MAX, [0; 16]), |before| {
            (before.at, before.record.to_bytes())
        });
        let boot = self.terms.boot;
        self.letters
            .read(async |connection| {
                let rows = sqlx::query(LIST)
                    .bind(source)
                    .bind(since)
                    .bind(until)
                    .bind(name)
                    .bind(prefix)
                    .bind(at)
                    .bind(key.to_vec())
                    .bind(limit.min(PAGE))
                    .bind(PAGE_BYTES);
                let rows = rows.fetch_all(connection).await?;
                rows.iter().map(|row| decode(row, boot)).collect()
            })
            .await
    }

    async fn count(&self, source: &str, filter: &LetterFilter) -> Result<u64, StoreError> {
        let (since, until) = filter.microseconds();
        let (name, prefix) = named(filter);
        self.letters
            .read(async |connection| {
                let count = sqlx::query(COUNT)
                    .bind(source)
                    .bind(since)
                    .bind(until)
                    .bind(name)
                    .bind(prefix);
                number(&count.fetch_one(connection).await?, 0)
            })
            .await
    }

    async fn sources(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let source = |row: &SqliteRow| Ok((row.try_get(0)?, number(row, 1)?));
        self.letters
            .read(async |connection| {
                let rows = sqlx::query(SOURCES).fetch_all(connection).await?;
                rows.iter().map(source).collect()
            })
            .await
    }

    async fn get(&self, source: &str, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        let boot = self.terms.boot;
        self.letters
            .read(async |connection: &mut SqliteConnection| {
                let row = sqlx::query(GET).bind(record.to_bytes().to_vec()).bind(source);
                let row = row.fetch_optional(connection).await?;
                row.map(|row| decode(&row, boot)).transpose()
            })
            .await
    }

    async fn replay(&self, source: &str, claim: Claim) -> Result<Option<Verdict>, StoreError> {
        let wanted = Wanted {
            is_claim: true,
            lane: true,
            ..Wanted::of_record(claim.event)
        };
        let source = source.to_owned();
        self.change(wanted, move |batch: &mut Batch| batch.replay(&source, &claim))
            .await
    }

    async fn purge(&self, source: &str, record: Key) -> Result<Purged, StoreError> {
        let source = source.to_owned();
        self.change(Wanted::of_record(record), move |batch: &mut Batch| {
            batch.purge(&source, record)
        })
        .await
    }
}

/// The name of a filter, or its prefix. The prefix is bytes, because a text of SQLite's functions
/// ends at a NUL.
pub(super) fn named(filter: &LetterFilter) -> (Option<&str>, Option<&[u8]>) {
    let pattern = filter.event_type.as_deref();
    match pattern.and_then(|pattern| pattern.strip_suffix('*')) {
        Some(prefix) => (None, Some(prefix.as_bytes())),
        None => (pattern, None),
    }
}

/// Reads the columns of a letter.
fn decode(row: &SqliteRow, boot: i64) -> Result<DeadRecord, Failed> {
    let (key, Row { record, source, .. }) = Row::decode(row, 0, boot)?;
    let text = |column: usize| row.try_get::<&str, _>(COLUMNS + column);
    let body: Vec<u8> = row.try_get(COLUMNS + 7)?;
    let letter = DeadLetter::new(source.unwrap_or_default(), Bytes::from(body))
        .event(text(1)?, text(2)?, text(3)?, text(4)?)
        .context(Context::from_json(text(5)?))
        .error(text(6)?);
    let running = record.is_running(super::now());
    Ok(DeadRecord::new(
        key,
        row.try_get(COLUMNS)?,
        record.attempts,
        running,
        letter,
    ))
}

fn number(row: &SqliteRow, column: usize) -> Result<u64, Failed> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| Failed::Row)
}
