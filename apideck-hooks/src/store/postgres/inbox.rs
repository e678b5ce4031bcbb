//! The inbox: accepted events, which are records that wait.
//!
//! # How it works
//!
//! The server hands out due records by `FOR UPDATE SKIP LOCKED`. A fetch names the events that it
//! wants, so that the server reads no others. Workers tell by a function which names they handle,
//! so each fetch returns all names that wait, and the next one chooses from them. A new name takes
//! a second statement.

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::postgres::PgRow;
use tokio::sync::watch;

use super::PostgresStore;
use super::call::Call;
use super::claims::{accept, fetch as fetch_call, time};
use super::row::{count, get, key, length, number, present, token, unexpected};
use super::text::{escape, unescape};
use crate::delivery::{Context, Key};
use crate::store::inbox_store::sealed;
use crate::store::{
    AcceptVerdict, Acceptance, Accepted, Backlog, Cursor, DeadLetter, Fetch, Fetched, Grant, InboxStats,
    InboxStore, LetterFilter, Pause, Recovered, StoreError, WaitingEvent, WaitingOfEvent, WaitingRecord,
};

/// Limit of the events of a page.
const PAGE: u32 = 1000;

/// Limit of the records of one statement. Each ordered one takes a lock of the server's table.
const BATCH: u32 = 200;

/// Limit of the runs that are ended at once.
const LOST: i64 = 500;
const LOST_ERROR: &str = "all attempts are used up, and the last run recorded no outcome";

impl sealed::Sealed for PostgresStore {}

#[async_trait]
impl InboxStore for PostgresStore {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        if acceptance.kept.body.len() > DeadLetter::MAX_BODY {
            return Err(StoreError::new("the body is longer than the store keeps"));
        }
        let call = accept(self.connections.statements(), &acceptance, self.limits);
        let rows = self.connections.call(call).await?;
        self.start_sweeper();
        let row = &rows[0];
        let new = get(row, 4)?;
        let verdict = match get(row, 2)? {
            "accepted" => AcceptVerdict::Yes { new },
            "done" => AcceptVerdict::Done,
            "dead" => AcceptVerdict::Dead,
            "running" => AcceptVerdict::Running {
                lease_left: length(row, 5)?,
            },
            _ => return Err(unexpected()),
        };
        if verdict == (AcceptVerdict::Yes { new: true }) {
            self.news.tell();
        }
        Ok(Accepted {
            record: key(row, 3)?,
            verdict,
        })
    }

    async fn fetch(&self, fetch: &Fetch) -> Result<Vec<Fetched>, StoreError> {
        self.lost_fetches.give_back(&self.connections).await;
        let mut fetched = Vec::new();
        let mut first = true;
        loop {
            let wanted = fetch
                .limit
                .saturating_sub(u32::try_from(fetched.len()).unwrap_or(u32::MAX));
            let limit = wanted.min(BATCH);
            let names = self.waiting.handled(fetch);
            let (found, waiting) = match self.fetch_some(fetch, &names, limit).await {
                Ok(found) => found,
                Err(error) => {
                    self.lost_fetches.add(fetch, &fetched);
                    // The earlier ones are claimed.
                    return if fetched.is_empty() {
                        Err(error)
                    } else {
                        Ok(fetched)
                    };
                }
            };
            let full = found.len() >= limit as usize;
            let mut handled = waiting.iter().filter(|name| (fetch.events)(name));
            let new_name = handled.any(|name| !names.contains(name));
            self.waiting.set(&fetch.source, waiting);
            fetched.extend(found);
            let more = full || first && new_name;
            if fetched.len() >= fetch.limit as usize || !more {
                return Ok(fetched);
            }
            first = false;
        }
    }

    async fn recover(&self, source: &str, attempts: u32) -> Result<Recovered, StoreError> {
        let call = Call::new(&self.connections.statements().recover)
            .bind(escape(source))
            .bind(i32::try_from(attempts).unwrap_or(i32::MAX))
            .bind(LOST_ERROR)
            .bind(LOST);
        let rows = self.connections.call(call).await?;
        let recovered = Recovered {
            waiting: number(&rows[0], 2)?,
            dead: number(&rows[0], 3)?,
            cut: number(&rows[0], 4)?,
        };
        if recovered != Recovered::default() {
            self.news.tell();
        }
        Ok(recovered)
    }

    async fn backlog(&self, source: &str, stalled_after: Duration) -> Result<Backlog, StoreError> {
        let most = self.limits.letters;
        let call = Call::new(&self.connections.statements().backlog)
            .bind(escape(source))
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .bind(time(stalled_after));
        let rows = self.connections.call(call).await?;
        Ok(Backlog {
            waiting: number(&rows[0], 2)?,
            letters_full: number(&rows[0], 3)? >= most,
            stalled: get(&rows[0], 4)?,
        })
    }

    async fn stats(&self, source: &str) -> Result<InboxStats, StoreError> {
        let call = Call::new(&self.connections.statements().stats).bind(escape(source));
        let rows = self.connections.call(call).await?;
        let mut stats = InboxStats::default();
        for row in present(&rows)? {
            add(&mut stats, row)?;
        }
        stats.paused = self.pauses(source).await?;
        Ok(stats)
    }

    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<WaitingEvent>, StoreError> {
        let (since, until) = filter.microseconds();
        let call = Call::new(&self.connections.statements().waiting)
            .bind(escape(source))
            .bind(filter.event_type.as_deref().map(escape))
            .bind(since)
            .bind(until)
            .bind(before.map(|before| before.at))
            .bind(before.map(|before| before.record.to_bytes()))
            .bind(i64::from(limit.min(PAGE)));
        let rows = self.connections.call(call).await?;
        let present = present(&rows)?;
        present.map(waiting_event).collect()
    }

    async fn get(&self, source: &str, record: Key) -> Result<Option<WaitingRecord>, StoreError> {
        let call = Call::new(&self.connections.statements().waiting_record)
            .bind(escape(source))
            .bind(record.to_bytes());
        let rows = self.connections.call(call).await?;
        let mut present = present(&rows)?;
        present.next().map(|row| waiting_record(row, source)).transpose()
    }

    async fn pause(&self, source: &str, pattern: &str) -> Result<bool, StoreError> {
        let call = Call::new(&self.connections.statements().pause);
        let call = call.bind(escape(source)).bind(escape(pattern));
        get(&self.connections.call(call).await?[0], 2)
    }

    async fn resume(&self, source: &str, pattern: &str) -> Result<bool, StoreError> {
        let call = Call::new(&self.connections.statements().resume);
        let call = call.bind(escape(source)).bind(escape(pattern));
        let resumed = get(&self.connections.call(call).await?[0], 2)?;
        self.news.tell();
        Ok(resumed)
    }

    async fn pauses(&self, source: &str) -> Result<Vec<Pause>, StoreError> {
        let call = Call::new(&self.connections.statements().paused).bind(escape(source));
        let rows = self.connections.call(call).await?;
        let pause = |row| Ok(Pause::new(unescape(get(row, 2)?), length(row, 3)?));
        let present = present(&rows)?;
        present.map(pause).collect()
    }

    fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}

impl PostgresStore {
    /// Claims due records of these names. Returns the names that wait too.
    async fn fetch_some(
        &self,
        fetch: &Fetch,
        names: &[String],
        limit: u32,
    ) -> Result<(Vec<Fetched>, Vec<String>), StoreError> {
        let statements = self.connections.statements();
        let call = fetch_call(statements, fetch, names, limit, self.limits);
        let rows = self.connections.call(call).await?;
        let (mut fetched, mut waiting) = (Vec::new(), Vec::new());
        for row in &rows {
            match get::<Option<Vec<String>>>(row, 2)? {
                Some(names) => waiting = names.iter().map(|name| unescape(name)).collect(),
                None => fetched.push(decode(row, fetch)?),
            }
        }
        Ok((fetched, waiting))
    }
}

fn decode(row: &PgRow, fetch: &Fetch) -> Result<Fetched, StoreError> {
    let text = |column| get(row, column).map(unescape);
    let body: Vec<u8> = get(row, 14)?;
    let idempotency_key: Option<&str> = get(row, 8)?;
    Ok(Fetched {
        grant: Grant::new(key(row, 3)?, token(row, 4)?, fetch.id),
        attempt: count(row, 5)?,
        since_first_run: length(row, 6)?,
        accepted_at: UNIX_EPOCH + length(row, 7)?,
        idempotency_key: idempotency_key.map(unescape),
        kept: DeadLetter::new(&*fetch.source, Bytes::from(body))
            .event(text(9)?, text(10)?, text(11)?, text(12)?)
            .context(Context::from_json(get(row, 13)?)),
    })
}

/// Adds the row of one name.
fn add(stats: &mut InboxStats, row: &PgRow) -> Result<(), StoreError> {
    let now: i64 = get(row, 7)?;
    let since = |column| -> Result<Option<Duration>, StoreError> {
        let time: Option<i64> = get(row, column)?;
        let micros = time.map(|time| u64::try_from(now.saturating_sub(time)).unwrap_or(0));
        Ok(micros.map(Duration::from_micros))
    };
    let (running, waiting, oldest_due) = (number(row, 3)?, number(row, 4)?, since(6)?);
    stats.running += running;
    stats.waiting += waiting;
    stats.oldest = stats.oldest.max(since(5)?);
    stats.oldest_due = stats.oldest_due.max(oldest_due);
    if waiting > 0 {
        stats.events.push(WaitingOfEvent {
            event_type: unescape(get(row, 2)?),
            waiting,
            oldest_due,
        });
    }
    Ok(())
}

fn waiting_event(row: &PgRow) -> Result<WaitingEvent, StoreError> {
    let record = key(row, 2)?;
    Ok(WaitingEvent {
        record,
        cursor: Cursor::new(get(row, 3)?, record),
        event_type: unescape(get(row, 4)?),
        event_id: unescape(get(row, 5)?),
        entity_id: unescape(get(row, 6)?),
        attempts: count(row, 7)?,
        running: get(row, 8)?,
        due_in: length(row, 9)?,
        consumer_id: unescape(get(row, 10)?),
    })
}

fn waiting_record(row: &PgRow, source: &str) -> Result<WaitingRecord, StoreError> {
    let event = waiting_event(row)?;
    let idempotency_key: Option<&str> = get(row, 11)?;
    let kept = DeadLetter::new(source, get::<Vec<u8>>(row, 13)?)
        .event(
            &*event.event_type,
            &*event.event_id,
            &*event.entity_id,
            &*event.consumer_id,
        )
        .context(Context::from_json(get(row, 12)?));
    Ok(WaitingRecord {
        event,
        idempotency_key: idempotency_key.map(unescape),
        kept,
    })
}
