//! The invariants that hold in every history of a store. They do not depend on the model.
//!
//! I5, I7 and I8 are about whole deliveries.

use super::reference::{Held, Purged, Response, Verdict};
use super::step::{End, Step};
use apideck_hooks::store::{Grant, Key, RecordState, Status, Token};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Invariants {
    /// The last status of each event.
    seen: BTreeMap<u8, Status>,
    /// The last grant of each record, until its end.
    running: HashMap<Key, Grant>,
    /// The greatest token of each record so far.
    greatest: HashMap<Key, Token>,
    runs: BTreeMap<u8, Runs>,
}

/// The runs of an event.
#[derive(Clone, Copy, Default)]
struct Runs {
    /// The number of runs that began and were not taken back.
    attempts: u32,
    /// The number of interrupted runs in a row that were taken back.
    interrupted: u32,
}

impl Invariants {
    /// Notes a new grant.
    pub(crate) fn granted(&mut self, grant: Grant) -> TestCaseResult {
        let before = self.greatest.insert(grant.record, grant.token);
        let grew = before < Some(grant.token);
        prop_assert!(grew, "I2: {:?} after {:?}", grant.token, before);
        self.running.insert(grant.record, grant);
        Ok(())
    }

    /// Checks the changes of a step. `finished` is the end that it sent, and the grant.
    pub(crate) fn check(
        &mut self,
        step: &Step,
        finished: Option<(Grant, End)>,
        response: Response,
        statuses: BTreeMap<u8, Status>,
    ) -> TestCaseResult {
        // An end that is sent again changes nothing.
        let ended = finished.filter(|(grant, _)| {
            let is_new = self.running.get(&grant.record) == Some(grant);
            is_new && response == Response::Held(Held::Yes)
        });
        if let Some((grant, _)) = ended {
            self.running.remove(&grant.record);
        }
        for (&event, &after) in &statuses {
            let before = self.seen.get(&event).copied().unwrap_or(Status::ABSENT);
            let ended = ended.filter(|_| about(step) == Some(event)).map(|(_, end)| end);
            self.check_event(event, before, after, step, ended, response)?;
        }
        self.seen = statuses;
        Ok(())
    }

    fn check_event(
        &mut self,
        event: u8,
        before: Status,
        after: Status,
        step: &Step,
        ended: Option<End>,
        response: Response,
    ) -> TestCaseResult {
        let changed = format!("event {event}, {before:?} became {after:?} by {step:?}: {response:?}");
        let same = without_times(before) == without_times(after);
        let gone = after.state == RecordState::Absent;

        let shrank = after.token < before.token && !gone;
        prop_assert!(!shrank, "I2, the token shrank: {}", changed);
        if let Response::Held(Held::Lost | Held::NoRoom) = response {
            prop_assert!(same, "I3, a stale end applied: {}", changed);
        }

        let takes_time = matches!(step, Step::Wait { .. } | Step::SetBack { .. } | Step::Crash);
        let evicted = gone && matches!(response, Response::Claimed { record, .. } if record != event);
        if before.state == RecordState::Done {
            let may_go = gone && (takes_time || evicted);
            prop_assert!(same || may_go, "I4, a done record changed: {}", changed);
        }
        if before.kept {
            let done = ended == Some(End::Done);
            let purged = about(step) == Some(event) && response == Response::Purged(Purged::Yes);
            prop_assert!(after.kept || done || purged, "I4, a letter was lost: {}", changed);
        }

        // A claim changes the record that it names, and any other call the record of its event.
        let named = match response {
            Response::Claimed { record, .. } | Response::Replayed { record, .. } => Some(record),
            _ => about(step),
        };
        let others = !takes_time && named != Some(event) && !evicted;
        prop_assert!(!others || same, "I9, another record changed: {}", changed);

        let granted = match response {
            Response::Claimed { record, verdict, .. } => Some((record, verdict)),
            Response::Replayed { record, verdict } => verdict.map(|verdict| (record, verdict)),
            _ => None,
        };
        let granted = matches!(granted, Some((record, Verdict::Granted { .. })) if record == event);
        let is_new = granted && after.token > before.token;
        let ran = matches!(before.state, RecordState::Running { .. });
        prop_assert!(!is_new || !ran, "I1, a running record was granted: {}", changed);

        if before.state == RecordState::Absent || gone {
            self.runs.remove(&event);
        }
        let runs = self.runs.entry(event).or_default();
        runs.count(is_new, ended);
        prop_assert_eq!(after.attempts, runs.attempts, "I10: {}", changed);
        Ok(())
    }
}

impl Runs {
    fn count(&mut self, began: bool, ended: Option<End>) {
        self.attempts += u32::from(began);
        match ended {
            Some(End::Interrupt) if self.interrupted < 3 => {
                self.interrupted += 1;
                self.attempts -= 1;
            }
            Some(End::Withdraw) => self.attempts -= 1,
            Some(End::Dead { began: false }) => {
                self.attempts -= 1;
                self.interrupted = 0;
            }
            Some(End::Done | End::Release { .. } | End::Dead { began: true }) => self.interrupted = 0,
            Some(End::Interrupt) | None => {}
        }
    }
}

/// The event that the step names.
fn about(step: &Step) -> Option<u8> {
    match step {
        Step::Claim(claim) => Some(claim.event),
        Step::Renew { event, .. }
        | Step::Finish { event, .. }
        | Step::Purge { event }
        | Step::EndRest { event }
        | Step::OtherSource { event } => Some(*event),
        Step::Again { .. } | Step::Wait { .. } | Step::SetBack { .. } | Step::Crash => None,
    }
}

fn without_times(mut status: Status) -> Status {
    match &mut status.state {
        RecordState::Running { lease_left: left } | RecordState::Released { left } => *left = Duration::ZERO,
        _ => {}
    }
    status
}
