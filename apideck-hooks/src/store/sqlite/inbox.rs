//! The inbox: accepted events, which are records that wait.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use tokio::sync::watch;

use super::SqliteStore;
use super::batch::{Batch, count as count_letters};
use super::database::Failed;
use super::dead_letters::named;
use super::inbox_batch::is_stalled;
use super::pauses;
use super::row::{self, COLUMNS, Row, columns};
use super::wanted::Wanted;
use crate::delivery::Key;
use crate::store::inbox_store::sealed;
use crate::store::{
    Acceptance, Accepted, Backlog, Context, Cursor, DeadLetter, Fetch, Fetched, InboxStats, InboxStore,
    LetterFilter, Pause, Recovered, StoreError, WaitingEvent, WaitingOfEvent, WaitingRecord,
};

/// Limit of the events of a page.
const PAGE: u32 = 1000;

const COUNT: &str = "SELECT count(*) FROM apideck_hooks_records
    WHERE source = ?1 AND due IS NOT NULL AND dead_at IS NULL";
/// The counts of each name. A run whose lease has ended waits. An event without a rest was due from
/// its acceptance on.
const STATS: &str = "
    SELECT event_type, sum(running), sum(NOT running), min(iif(running, NULL, accepted_at)),
    min(iif(running OR due > ?3, NULL, max(due, accepted_at)))
    FROM (
        SELECT *, phase = 0 AND boot = ?2 AND lease_end > ?3 AS running FROM apideck_hooks_records
        WHERE source = ?1 AND due IS NOT NULL AND dead_at IS NULL
    ) GROUP BY event_type ORDER BY event_type";
macro_rules! event_columns {
    () => {
        concat!(
            columns!(),
            ", r.accepted_at, r.event_type, r.event_id, r.entity_id, r.consumer_id"
        )
    };
}
const LIST: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM apideck_hooks_records AS r
    WHERE r.source = ?1 AND r.due IS NOT NULL AND r.dead_at IS NULL AND r.accepted_at >= ?2 AND r.accepted_at < ?3
    AND (?4 IS NULL OR r.event_type = ?4) AND (?5 IS NULL OR instr(CAST(r.event_type AS BLOB), ?5) = 1)
    AND (r.accepted_at, r.key) < (?6, ?7)
    ORDER BY r.accepted_at DESC, r.key DESC LIMIT ?8"
);
const GET: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", r.idempotency_key, r.context, r.body FROM apideck_hooks_records AS r
    WHERE r.key = ?1 AND r.source = ?2 AND r.due IS NOT NULL AND r.dead_at IS NULL"
);

impl sealed::Sealed for SqliteStore {}

#[async_trait]
impl InboxStore for SqliteStore {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        // A duplicate waits for nobody. If this fails, the writer finds out for itself.
        if let Ok(Some(accepted)) = self.reader.accept(&acceptance, self.terms).await {
            return Ok(accepted);
        }
        let wanted = Wanted::of_acceptance(&acceptance);
        let accepted = self.change(wanted, move |batch| batch.accept(&acceptance)).await;
        self.progress.tell();
        accepted
    }

    async fn fetch(&self, fetch: &Fetch) -> Result<Vec<Fetched>, StoreError> {
        let wanted = Wanted {
            is_claim: true,
            fetch: Some(fetch.clone()),
            ..Wanted::default()
        };
        let fetch = fetch.clone();
        let fetched = self.change(wanted, move |batch| batch.fetch(&fetch)).await?;
        if !fetched.is_empty() {
            self.progress.set_fetched(super::now());
        }
        Ok(fetched)
    }

    async fn recover(&self, source: &str, attempts: u32) -> Result<Recovered, StoreError> {
        let wanted = Wanted {
            lost_of: Some(source.to_owned()),
            ..Wanted::default()
        };
        let recovered = self
            .change(wanted, move |batch: &mut Batch| batch.recover(attempts))
            .await?;
        if recovered != Recovered::default() {
            self.progress.tell();
        }
        Ok(recovered)
    }

    async fn backlog(&self, source: &str, stalled_after: Duration) -> Result<Backlog, StoreError> {
        let now = super::now();
        let idle = now.saturating_sub(self.progress.fetched());
        let idle = Duration::from_micros(idle) >= stalled_after;
        let terms = self.terms;
        self.letters
            .read(async |connection: &mut SqliteConnection| {
                let count = sqlx::query(COUNT)
                    .bind(source)
                    .fetch_one(&mut *connection)
                    .await?;
                let letters = count_letters(connection, source, terms.max_dead_letters).await?;
                Ok(Backlog {
                    waiting: number(&count, 0)?,
                    letters_full: letters >= terms.max_dead_letters,
                    stalled: idle && is_stalled(connection, source, terms.boot, stalled_after).await?,
                })
            })
            .await
    }

    async fn stats(&self, source: &str) -> Result<InboxStats, StoreError> {
        let (boot, now) = (self.terms.boot, super::now());
        self.letters
            .read(async |connection: &mut SqliteConnection| {
                let rows = sqlx::query(STATS)
                    .bind(source)
                    .bind(boot)
                    .bind(super::signed(now));
                let mut stats = InboxStats::default();
                for row in rows.fetch_all(&mut *connection).await? {
                    add(&mut stats, &row, now)?;
                }
                stats.paused = pauses::load(connection, source, now).await?;
                Ok(stats)
            })
            .await
    }

    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<WaitingEvent>, StoreError> {
        let (since, until) = filter.microseconds();
        let (name, prefix) = named(filter);
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
                    .bind(limit.min(PAGE));
                let rows = rows.fetch_all(connection).await?;
                rows.iter().map(|row| waiting_event(row, boot)).collect()
            })
            .await
    }

    async fn get(&self, source: &str, record: Key) -> Result<Option<WaitingRecord>, StoreError> {
        let boot = self.terms.boot;
        self.letters
            .read(async |connection: &mut SqliteConnection| {
                let row = sqlx::query(GET).bind(record.to_bytes().to_vec()).bind(source);
                let row = row.fetch_optional(connection).await?;
                row.map(|row| waiting_record(&row, boot, source)).transpose()
            })
            .await
    }

    async fn pause(&self, source: &str, pattern: &str) -> Result<bool, StoreError> {
        self.change_pause(source, pattern, true).await
    }

    async fn resume(&self, source: &str, pattern: &str) -> Result<bool, StoreError> {
        let resumed = self.change_pause(source, pattern, false).await;
        self.progress.tell();
        resumed
    }

    async fn pauses(&self, source: &str) -> Result<Vec<Pause>, StoreError> {
        self.letters
            .read(async |connection| pauses::load(connection, source, super::now()).await)
            .await
    }

    fn news(&self) -> watch::Receiver<u64> {
        self.progress.news()
    }
}

impl SqliteStore {
    async fn change_pause(&self, source: &str, pattern: &str, paused: bool) -> Result<bool, StoreError> {
        let wanted = Wanted {
            pauses_of: Some(source.to_owned()),
            ..Wanted::default()
        };
        let (source, pattern) = (source.to_owned(), pattern.to_owned());
        self.change(wanted, move |batch: &mut Batch| {
            batch.change_pause(&source, &pattern, paused)
        })
        .await
    }
}

/// Adds the row of one name.
fn add(stats: &mut InboxStats, row: &SqliteRow, now: u64) -> Result<(), Failed> {
    let since = |column: usize| -> Result<Option<Duration>, Failed> {
        let time: Option<i64> = row.try_get(column)?;
        let time = time.map(|time| u64::try_from(time).unwrap_or(0));
        Ok(time.map(|time| Duration::from_micros(now.saturating_sub(time))))
    };
    let (waiting, oldest_due) = (number(row, 2)?, since(4)?);
    stats.running += number(row, 1)?;
    stats.waiting += waiting;
    stats.oldest = stats.oldest.max(since(3)?);
    stats.oldest_due = stats.oldest_due.max(oldest_due);
    if waiting > 0 {
        stats.events.push(WaitingOfEvent {
            event_type: row.try_get(0)?,
            waiting,
            oldest_due,
        });
    }
    Ok(())
}

fn waiting_event(columns: &SqliteRow, boot: i64) -> Result<WaitingEvent, Failed> {
    let (_, Row { record, .. }) = Row::decode(columns, 0, boot)?;
    let key = row::key(columns, 0)?;
    let now = super::now();
    let running = record.is_running(now);
    Ok(WaitingEvent {
        record: key,
        cursor: Cursor::new(columns.try_get(COLUMNS)?, key),
        event_type: columns.try_get(COLUMNS + 1)?,
        event_id: columns.try_get(COLUMNS + 2)?,
        entity_id: columns.try_get(COLUMNS + 3)?,
        consumer_id: columns.try_get(COLUMNS + 4)?,
        attempts: record.attempts,
        running,
        due_in: if running {
            Duration::ZERO
        } else {
            record.rest.left(now)
        },
    })
}

fn waiting_record(columns: &SqliteRow, boot: i64, source: &str) -> Result<WaitingRecord, Failed> {
    let event = waiting_event(columns, boot)?;
    let body: Vec<u8> = columns.try_get(COLUMNS + 7)?;
    let kept = DeadLetter::new(source, body)
        .event(
            &*event.event_type,
            &*event.event_id,
            &*event.entity_id,
            &*event.consumer_id,
        )
        .context(Context::from_json(columns.try_get(COLUMNS + 6)?));
    Ok(WaitingRecord {
        event,
        idempotency_key: columns.try_get(COLUMNS + 5)?,
        kept,
    })
}

fn number(row: &SqliteRow, column: usize) -> Result<u64, Failed> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| Failed::Row)
}
