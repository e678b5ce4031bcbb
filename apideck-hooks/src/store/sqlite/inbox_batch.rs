//! The inbox's part of a batch.
//!
//! # How it works
//!
//! A fetch reads its candidates in the batch's transaction, so no other writer comes between. It
//! asks for the names of the events that wait first, because there are few of them. Then it reads
//! the due records of each name that is handled and not paused. So a backlog of other names costs
//! nothing.
//!
//! Operations of the same batch decide one after the other. A lane that one of them has taken is
//! remembered, because the candidates of the next one were read before.

use std::time::{Duration, UNIX_EPOCH};

use sqlx::{Row as _, SqliteConnection};

use super::batch::{Batch, KeptBody, RunningOf, Slot};
use super::candidate::Candidate;
use super::database::Failed;
use super::pauses;
use super::row::{self, Row, columns};
use super::wanted::Wanted;
use crate::delivery::Key;
use crate::store::accepted_record::RecoveredRun;
use crate::store::record::micros;
use crate::store::{
    AcceptVerdict, Acceptance, Accepted, Claim, Fetch, Fetched, Grant, Pause, Recovered, Verdict,
};

/// Limit of the runs that are ended at once.
const LOST: i64 = 500;
const LOST_ERROR: &str = "all attempts are used up, and the last run recorded no outcome";

const RUNNING: &str = "
    SELECT lane, key, min(lease_end, ?3 + lease_length) FROM apideck_hooks_records
    WHERE due IS NOT NULL AND phase = 0 AND boot = ?2 AND lease_end > ?3
    AND lane = (SELECT lane FROM apideck_hooks_records WHERE key = ?1)";

/// The names of the events that wait, each by one step in the index.
pub(super) const NAMES: &str = "
    WITH RECURSIVE names (name) AS (
        SELECT min(event_type) FROM apideck_hooks_records WHERE source = ?1 AND due IS NOT NULL
        UNION ALL
        SELECT (
            SELECT min(event_type) FROM apideck_hooks_records
            WHERE source = ?1 AND due IS NOT NULL AND event_type > names.name
        ) FROM names WHERE names.name IS NOT NULL
    )
    SELECT name FROM names WHERE name IS NOT NULL";

/// The due records of a name: in order, the first of each lane whose lane is free.
macro_rules! due {
    () => {
        "FROM apideck_hooks_records AS r
        WHERE r.source = ?1 AND r.event_type = ?2 AND r.due IS NOT NULL AND r.due <= ?3 AND r.dead_at IS NULL
        AND NOT (r.phase = 0 AND r.boot = ?4 AND r.lease_end > ?3)
        AND (NOT ?5 OR r.lane IS NULL OR NOT EXISTS (
            SELECT 1 FROM apideck_hooks_records AS before WHERE before.due IS NOT NULL AND before.lane = r.lane
            AND (before.occurred_at, before.accepted_at, before.id) < (r.occurred_at, r.accepted_at, r.id)
            AND before.dead_at IS NULL
        ) AND NOT EXISTS (
            SELECT 1 FROM apideck_hooks_records AS running WHERE running.due IS NOT NULL AND running.phase = 0
            AND running.lane = r.lane AND running.boot = ?4 AND running.lease_end > ?3
        ))"
    };
}

const DUE: &str = concat!(
    "SELECT ",
    columns!(),
    ", r.due, r.accepted_at, r.idempotency_key, r.event_type, r.event_id, r.entity_id, r.consumer_id, r.context,
    r.body ",
    due!(),
    " ORDER BY r.due, r.id LIMIT ?6"
);
/// Tells if one of those was accepted long ago and never ran.
const STALLED: &str = concat!(
    "SELECT EXISTS (SELECT 1 ",
    due!(),
    " AND r.attempts = 0 AND r.accepted_at <= ?6)"
);

/// The runs whose leases have ended, and the leases and rests that a clock set back has made too
/// long.
const LOST_RUNS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM apideck_hooks_records AS r WHERE r.source = ?1 AND r.due IS NOT NULL AND r.dead_at IS NULL AND (
        r.phase = 0 AND (r.boot <> ?2 OR r.lease_end <= ?3 OR r.lease_end > ?3 + r.lease_length)
        OR r.rest_end > ?3 + r.rest_length
    ) LIMIT ?4"
);

/// The runs with a lane whose leases have ended, but can be renewed.
const LOST_OF_LANES: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM apideck_hooks_records AS r WHERE r.due IS NOT NULL AND r.phase = 0 AND r.lane IS NOT NULL
    AND r.lease_end > 0 AND (r.boot <> ?1 OR r.lease_end <= ?2)"
);

impl Batch {
    /// Loads the rows that an operation of the inbox needs.
    pub(super) async fn load_of_inbox(
        &mut self,
        connection: &mut SqliteConnection,
        wanted: &Wanted,
    ) -> Result<(), Failed> {
        let (boot, now) = (self.terms.boot, super::signed(self.now));
        if let (true, Some(record)) = (wanted.lane, wanted.record) {
            let running = sqlx::query(RUNNING).bind(record.to_bytes().to_vec());
            let running = running.bind(boot).bind(now).fetch_all(&mut *connection).await?;
            for row in running {
                let lane = row.try_get::<&str, _>(0)?.parse().map_err(|_| Failed::Row)?;
                let record = row::key(&row, 1)?;
                let lease_end = u64::try_from(row.try_get::<i64, _>(2)?).map_err(|_| Failed::Row)?;
                self.running.insert(lane, RunningOf { record, lease_end });
            }
        }
        if wanted.lane || wanted.fetch.as_ref().is_some_and(|fetch| fetch.ordered) {
            let lost = sqlx::query(LOST_OF_LANES).bind(boot).bind(now);
            for row in lost.fetch_all(&mut *connection).await? {
                let (key, row) = Row::decode(&row, 0, boot)?;
                self.lost_of_lanes.push(key);
                self.records.entry(key).or_insert_with(|| Slot::new(row));
            }
        }
        if let Some(fetch) = &wanted.fetch {
            self.load_candidates(connection, fetch).await?;
        }
        if let Some(source) = &wanted.pauses_of {
            let paused = pauses::load(connection, source, self.now).await?;
            self.paused.insert(source.clone(), paused);
        }
        if let Some(source) = &wanted.lost_of {
            let lost = sqlx::query(LOST_RUNS).bind(source.as_str()).bind(boot);
            for row in lost.bind(now).bind(LOST).fetch_all(&mut *connection).await? {
                let (key, row) = Row::decode(&row, 0, boot)?;
                self.lost.push(key);
                self.records.entry(key).or_insert_with(|| Slot::new(row));
            }
        }
        Ok(())
    }

    /// Loads the records that a fetch can claim, those that are due the longest first.
    pub(super) async fn load_candidates(
        &mut self,
        connection: &mut SqliteConnection,
        fetch: &Fetch,
    ) -> Result<(), Failed> {
        let (boot, now) = (self.terms.boot, super::signed(self.now));
        let mut candidates = Vec::new();
        for name in open_names(connection, &fetch.source, self.now).await? {
            if !(fetch.events)(&name) {
                continue;
            }
            let due = sqlx::query(DUE)
                .bind(fetch.source.as_str())
                .bind(name.as_str())
                .bind(now)
                .bind(boot)
                .bind(fetch.ordered)
                .bind(fetch.limit);
            for row in due.fetch_all(&mut *connection).await? {
                let candidate = Candidate::decode(&row, &fetch.source)?;
                let (key, row) = Row::decode(&row, 0, boot)?;
                candidates.push(candidate);
                self.records.entry(key).or_insert_with(|| Slot::new(row));
            }
        }
        candidates.sort_by_key(|candidate| candidate.due);
        self.candidates.insert(fetch.id, candidates);
        Ok(())
    }

    pub(super) fn accept(&mut self, acceptance: &Acceptance) -> Accepted {
        let (now, retention) = (self.now, self.terms.retention);
        let record = self.resolve(acceptance.event, acceptance.alias);
        let slot = self
            .records
            .entry(record)
            .or_insert_with(|| Slot::new(Row::absent(now)));
        let verdict = slot.change(|record| record.accept(now, retention));
        let new = verdict == AcceptVerdict::Yes { new: true };
        if new {
            slot.write(KeptBody::Accepted(Box::new(acceptance.clone())));
        }
        self.bind(acceptance.alias, record, new);
        Accepted { record, verdict }
    }

    pub(super) fn fetch(&mut self, fetch: &Fetch) -> Vec<Fetched> {
        let (now, retention) = (self.now, self.terms.retention);
        let mut fetched = Vec::new();
        for candidate in self.candidates.remove(&fetch.id).unwrap_or_default() {
            if fetched.len() >= fetch.limit as usize {
                break;
            }
            let lane = self.records.get(&candidate.key).and_then(|slot| slot.row.lane);
            let is_taken = |lane| self.lease_of_other(lane, candidate.key).is_some();
            if fetch.ordered && lane.is_some_and(is_taken) {
                continue;
            }
            let Some(slot) = self.records.get_mut(&candidate.key) else {
                continue;
            };
            let mut claim = Claim::new(candidate.key, fetch.lease);
            claim.id = fetch.id;
            claim.rests = fetch.rests;
            let verdict = slot.change(|record| record.fetch(&claim, now, retention));
            let Some(Verdict::Granted { token, attempt }) = verdict else {
                continue;
            };
            let since_first_run = Duration::from_micros(now.saturating_sub(slot.row.record.first_seen));
            if let Some(lane) = lane {
                self.take_lane(lane, candidate.key);
            }
            let accepted_at = Duration::from_micros(candidate.accepted_at.unsigned_abs());
            fetched.push(Fetched {
                grant: Grant::new(candidate.key, token, fetch.id),
                attempt,
                since_first_run,
                accepted_at: UNIX_EPOCH + accepted_at,
                idempotency_key: candidate.idempotency_key,
                kept: candidate.kept,
            });
        }
        fetched
    }

    /// The end of the lease of another record's run that has the lane. A renewal of this batch can
    /// have revived a run that was lost before.
    pub(super) fn lease_of_other(&self, lane: Key, record: Key) -> Option<u64> {
        let running = self.running.get(&lane);
        let running = running.map(|running| (running.record, running.lease_end));
        let revived = self.lost_of_lanes.iter().filter_map(|key| {
            let Row { record, lane: of, .. } = &self.records.get(key)?.row;
            let has_lane = *of == Some(lane) && record.is_running(self.now);
            has_lane.then_some((*key, record.lease.end))
        });
        let mut runs = running.into_iter().chain(revived);
        runs.find_map(|(key, lease_end)| (key != record).then_some(lease_end))
    }

    /// Remembers the run that has a lane now, and ends those that have lost it. They cannot be
    /// renewed beside it.
    pub(super) fn take_lane(&mut self, lane: Key, record: Key) {
        for key in self.lost_of_lanes.iter().filter(|key| **key != record) {
            let slot = self.records.get_mut(key);
            if let Some(slot) = slot.filter(|slot| slot.row.lane == Some(lane)) {
                let now = self.now;
                slot.change(|record| record.lose(now));
            }
        }
        if let Some(slot) = self.records.get(&record) {
            let lease_end = slot.row.record.lease.end;
            self.running.insert(lane, RunningOf { record, lease_end });
        }
    }

    pub(super) fn recover(&mut self, attempts: u32) -> Recovered {
        let mut recovered = Recovered::default();
        for key in std::mem::take(&mut self.lost) {
            let now = self.now;
            let Some(slot) = self.records.get_mut(&key) else {
                continue;
            };
            let before = slot.row.record;
            match slot.change(|record| record.recover(attempts, now)) {
                RecoveredRun::Waiting => recovered.waiting += 1,
                RecoveredRun::Dead => {
                    slot.write(KeptBody::Dead(LOST_ERROR));
                    recovered.dead += 1;
                }
                RecoveredRun::None => recovered.cut += u64::from(slot.row.record != before),
            }
        }
        recovered
    }
}

/// Reads the names of the events that wait and are not paused.
async fn open_names(
    connection: &mut SqliteConnection,
    source: &str,
    now: u64,
) -> Result<Vec<String>, Failed> {
    let pauses = pauses::load(connection, source, now).await?;
    let names = sqlx::query(NAMES).bind(source).fetch_all(connection).await?;
    let names = names.iter().map(|name| name.try_get(0));
    let mut names: Vec<String> = names.collect::<Result<_, _>>()?;
    names.retain(|name| !pauses.iter().any(|pause| Pause::is_match(&pause.pattern, name)));
    Ok(names)
}

/// Tells if an event of this age was never run although it could be fetched.
pub(super) async fn is_stalled(
    connection: &mut SqliteConnection,
    source: &str,
    boot: i64,
    age: Duration,
) -> Result<bool, Failed> {
    let now = super::now();
    let before = now.saturating_sub(micros(age));
    for name in open_names(connection, source, now).await? {
        let stalled = sqlx::query(STALLED)
            .bind(source)
            .bind(name)
            .bind(super::signed(now))
            .bind(boot)
            .bind(true)
            .bind(super::signed(before));
        if stalled.fetch_one(&mut *connection).await?.try_get(0)? {
            return Ok(true);
        }
    }
    Ok(false)
}
