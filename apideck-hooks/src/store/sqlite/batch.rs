//! The records of one transaction: loaded, changed in memory, and saved.
//!
//! All operations that wait for the writer share a transaction, because its commit is one write to
//! the disk. Each decides by the records as the operations before it have left them. Nothing is
//! written before all have decided.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use sqlx::{Row as _, SqliteConnection};

use super::candidate::Candidate;
use super::database::Failed;
use super::json;
use super::row::{self, COLUMNS, Row, columns};
use super::wanted::Wanted;
use crate::delivery::Key;
use crate::store::record::{Letters, Record, micros};
use crate::store::{
    Acceptance, Claim, ClaimId, Claimed, DeadLetter, End, Grant, Held, Pause, Purged, Status, Verdict,
};

/// The rows of any number of keys, which are JSON arrays of hexadecimal texts.
macro_rules! load {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            ", NULL, 0 FROM json_each(?1) AS wanted
            CROSS JOIN apideck_hooks_records AS r ON r.key = unhex(wanted.value)
            UNION ALL SELECT ",
            columns!(),
            ", a.alias, a.expires FROM json_each(?2) AS wanted
            CROSS JOIN apideck_hooks_aliases AS a ON a.alias = unhex(wanted.value)
            CROSS JOIN apideck_hooks_records AS r ON r.key = a.record"
        )
    };
}

const LOAD: &str = load!();
/// In a new transaction, which no other writer can enter.
const BEGIN_AND_LOAD: &str = concat!("BEGIN IMMEDIATE;", load!());

/// The terms of a store.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Number of this opening.
    pub(super) boot: i64,
    pub(super) retention: Duration,
    pub(super) max_dead_letters: u64,
}

pub(super) struct Batch {
    pub(super) terms: Terms,
    pub(super) now: u64,
    pub(super) records: HashMap<Key, Slot>,
    /// Aliases with a record.
    pub(super) aliases: HashMap<Key, Alias>,
    /// Number of dead letters of each source that can get a new one.
    letters: HashMap<String, u64>,
    /// The records that each fetch can claim, those that are due the longest first.
    pub(super) candidates: HashMap<ClaimId, Vec<Candidate>>,
    /// Records whose runs can have lost their lease.
    pub(super) lost: Vec<Key>,
    /// Records with a lane whose runs have lost their lease.
    pub(super) lost_of_lanes: Vec<Key>,
    /// The lanes whose running record is known, with that record.
    pub(super) running: HashMap<Key, RunningOf>,
    /// The pauses of each source that can get another one.
    pub(super) paused: HashMap<String, Vec<Pause>>,
    /// Changes of the pauses.
    pub(super) pauses: Vec<PauseChange>,
}

pub(super) struct Slot {
    pub(super) row: Row,
    pub(super) changed: bool,
    /// The bodies to write beside the record, in this order.
    pub(super) bodies: Vec<KeptBody>,
}

/// A body that is written beside a record. A later one of the batch replaces only the columns that
/// it has: the letter of an accepted event keeps its lane.
#[derive(Clone)]
pub(super) enum KeptBody {
    /// A dead letter.
    Letter(DeadLetter),
    /// An accepted event.
    Accepted(Box<Acceptance>),
    /// The body is there, and becomes a dead letter with this error.
    Dead(&'static str),
}

/// A change of the pauses.
pub(super) struct PauseChange {
    pub(super) source: String,
    pub(super) pattern: String,
    pub(super) paused: bool,
}

/// The running record of a lane.
pub(super) struct RunningOf {
    pub(super) record: Key,
    pub(super) lease_end: u64,
}

pub(super) struct Alias {
    pub(super) record: Key,
    pub(super) expires: u64,
    pub(super) changed: bool,
}

impl Batch {
    /// Loads the rows that operations need, in a new transaction.
    pub(super) async fn begin(
        connection: &mut SqliteConnection,
        wanted: &[&Wanted],
        terms: Terms,
    ) -> Result<Self, Failed> {
        Self::read(connection, BEGIN_AND_LOAD, wanted, terms).await
    }

    /// Loads the rows that operations need, in the transaction that is open.
    pub(super) async fn load(
        connection: &mut SqliteConnection,
        wanted: &[&Wanted],
        terms: Terms,
    ) -> Result<Self, Failed> {
        Self::read(connection, LOAD, wanted, terms).await
    }

    async fn read(
        connection: &mut SqliteConnection,
        load: &'static str,
        wanted: &[&Wanted],
        terms: Terms,
    ) -> Result<Self, Failed> {
        let query = sqlx::query(load)
            .bind(json::keys(wanted.iter().filter_map(|wanted| wanted.record)))
            .bind(json::keys(wanted.iter().filter_map(|wanted| wanted.alias)));
        let rows = query.fetch_all(&mut *connection).await?;
        let mut batch = Self {
            terms,
            now: super::now(),
            records: HashMap::with_capacity(rows.len()),
            aliases: HashMap::new(),
            letters: HashMap::new(),
            candidates: HashMap::new(),
            lost: Vec::new(),
            lost_of_lanes: Vec::new(),
            running: HashMap::new(),
            paused: HashMap::new(),
            pauses: Vec::new(),
        };
        for columns in &rows {
            let (record, row) = Row::decode(columns, 0, terms.boot)?;
            if columns.try_get::<Option<&[u8]>, _>(COLUMNS)?.is_some() {
                let expires: i64 = columns.try_get(COLUMNS + 1)?;
                let alias = Alias {
                    record,
                    expires: u64::try_from(expires).unwrap_or(0),
                    changed: false,
                };
                batch.aliases.insert(row::key(columns, COLUMNS)?, alias);
            }
            batch.records.insert(record, Slot::new(row));
        }
        for source in wanted.iter().filter_map(|wanted| wanted.letters_of.as_ref()) {
            if let Entry::Vacant(entry) = batch.letters.entry(source.clone()) {
                entry.insert(count(connection, source, terms.max_dead_letters).await?);
            }
        }
        for wanted in wanted {
            batch.load_of_inbox(connection, wanted).await?;
        }
        Ok(batch)
    }

    pub(super) fn claim(&mut self, claim: &Claim) -> Claimed {
        let (now, retention) = (self.now, self.terms.retention);
        let letters = match &claim.last {
            Some(last) => self.room(&last.letter),
            None => Letters::Room,
        };
        let key = self.resolve(claim.event, claim.alias);
        let absent = || Slot::new(Row::absent(now));
        let slot = self.records.entry(key).or_insert_with(absent);
        let (verdict, lettered) = slot.change(|record| record.claim(claim, letters, now, retention));
        if let (true, Some(last)) = (lettered, &claim.last) {
            slot.write(KeptBody::Letter(last.letter.clone()));
            self.count_letter(&last.letter);
        }
        self.bind(claim.alias, key, matches!(verdict, Verdict::Granted { .. }));
        Claimed::new(key, verdict).lettered(lettered)
    }

    /// Finds the record of a claim with these keys.
    pub(super) fn resolve(&self, event: Key, alias: Option<Key>) -> Key {
        let bound = || {
            let alias = self.aliases.get(&alias?)?;
            let slot = self.records.get(&alias.record)?;
            let live = alias.expires > self.now && !slot.row.record.is_expired(self.now);
            live.then_some(alias.record)
        };
        bound().unwrap_or(event)
    }

    /// Binds the alias of a granted claim, and keeps a bound alias for longer than its record.
    pub(super) fn bind(&mut self, alias: Option<Key>, record: Key, granted: bool) {
        let (Some(alias), Some(slot)) = (alias, self.records.get(&record)) else {
            return;
        };
        let expires = slot.row.record.expires;
        let bound = self.aliases.get(&alias);
        let bound = bound.filter(|alias| alias.record == record && alias.expires > self.now);
        if bound.map_or(granted, |alias| alias.expires < expires) {
            // A part longer, so that the renewals of most runs do not pass it. The next claim would
            // then have to write.
            let alias_expires = expires.saturating_add(micros(self.terms.retention / 4));
            let bound = Alias {
                record,
                expires: alias_expires,
                changed: true,
            };
            self.aliases.insert(alias, bound);
        }
    }

    pub(super) fn renew(&mut self, grant: &Grant, lease: Duration) -> Held {
        let (now, retention) = (self.now, self.terms.retention);
        let slot = self.records.get_mut(&grant.record);
        slot.map_or(Held::Lost, |slot| {
            slot.change(|record| record.renew(grant, lease, now, retention))
        })
    }

    pub(super) fn finish(&mut self, grant: &Grant, end: &End) -> Held {
        let (now, retention) = (self.now, self.terms.retention);
        let letters = match end {
            End::Dead { letter, .. } => self.room(letter),
            _ => Letters::Room,
        };
        let Some(slot) = self.records.get_mut(&grant.record) else {
            return Held::Lost;
        };
        let before = slot.row.record;
        let held = slot.change(|record| record.finish(grant, end, letters, now, retention));
        if slot.row.record == before {
            // Lost, without room, or sent again.
            return held;
        }
        if let End::Dead { letter, .. } = end {
            slot.write(KeptBody::Letter((**letter).clone()));
            if !before.kept {
                self.count_letter(letter);
            }
        }
        held
    }

    pub(super) fn status(&self, record: Key) -> Status {
        let slot = self.records.get(&record);
        slot.map_or(Status::ABSENT, |slot| slot.row.record.status(self.now))
    }

    pub(super) fn end_rest(&mut self, record: Key) -> bool {
        let now = self.now;
        let slot = self.records.get_mut(&record);
        slot.is_some_and(|slot| slot.change(|record| record.end_rest(now)))
    }

    pub(super) fn replay(&mut self, source: &str, claim: &Claim) -> Option<Verdict> {
        let (now, retention) = (self.now, self.terms.retention);
        let lane = self.slot_of(source, claim.event)?.row.lane;
        if let Some(lease_end) = lane.and_then(|lane| self.lease_of_other(lane, claim.event)) {
            return Some(Verdict::Running {
                lease_left: Duration::from_micros(lease_end.saturating_sub(now)),
                kept: true,
            });
        }
        let slot = self.slot_of(source, claim.event)?;
        let verdict = slot.change(|record| record.replay(claim, now, retention));
        if let (Some(lane), Some(Verdict::Granted { .. })) = (lane, verdict) {
            self.take_lane(lane, claim.event);
        }
        verdict
    }

    pub(super) fn purge(&mut self, source: &str, record: Key) -> Purged {
        let (now, retention) = (self.now, self.terms.retention);
        let Some(slot) = self.slot_of(source, record) else {
            return Purged::Unknown;
        };
        if slot.row.record.is_running(now) {
            return Purged::Busy;
        }
        slot.change(|record| record.purge(now, retention));
        Purged::Yes
    }

    /// The record, if it keeps a letter of this source.
    fn slot_of(&mut self, source: &str, record: Key) -> Option<&mut Slot> {
        let slot = self.records.get_mut(&record);
        slot.filter(|slot| slot.row.record.kept && slot.row.source.as_deref() == Some(source))
    }

    /// Tells if there is room for a new letter.
    fn room(&self, letter: &DeadLetter) -> Letters {
        let count = self.letters.get(&letter.source).copied().unwrap_or(0);
        if letter.body.len() > DeadLetter::MAX_BODY || count >= self.terms.max_dead_letters {
            Letters::Full
        } else {
            Letters::Room
        }
    }

    fn count_letter(&mut self, letter: &DeadLetter) {
        *self.letters.entry(letter.source.clone()).or_default() += 1;
    }

    /// Tells if an operation has changed anything.
    pub(super) fn is_changed(&self) -> bool {
        self.records.values().any(|slot| slot.changed) || self.aliases.values().any(|alias| alias.changed)
    }
}

impl Slot {
    pub(super) fn new(row: Row) -> Self {
        Self {
            row,
            changed: false,
            bodies: Vec::new(),
        }
    }

    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut Record) -> T) -> T {
        let before = self.row.record;
        let result = change(&mut self.row.record);
        self.changed |= self.row.record != before;
        if !self.row.record.kept && !self.row.record.accepted {
            // It has ended in the batch in which it got them.
            self.bodies.clear();
        }
        result
    }

    pub(super) fn write(&mut self, body: KeptBody) {
        match &body {
            KeptBody::Letter(letter) => self.row.source = Some(letter.source.clone()),
            KeptBody::Accepted(acceptance) => {
                self.row.source = Some(acceptance.kept.source.clone());
                self.row.lane = acceptance.lane;
            }
            KeptBody::Dead(_) => {}
        }
        self.bodies.push(body);
    }
}

/// Counts the dead letters of a source, up to a limit.
pub(super) async fn count(
    connection: &mut SqliteConnection,
    source: &str,
    limit: u64,
) -> Result<u64, Failed> {
    let count = sqlx::query(
        "SELECT count(*) FROM (
            SELECT 1 FROM apideck_hooks_records WHERE source = ?1 AND dead_at IS NOT NULL LIMIT ?2
        )",
    );
    let count = count
        .bind(source)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_one(connection)
        .await?;
    Ok(u64::try_from(count.try_get::<i64, _>(0)?).unwrap_or(0))
}
