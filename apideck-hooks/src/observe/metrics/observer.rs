//! The observer that counts and measures.

use std::time::SystemTime;

use metrics::SharedString;

use super::table::{
    DEAD_LETTERS, DEAD_LETTERS_WAITING, DELIVERIES, DELIVERY_DURATION, EVENT_AGE, IN_FLIGHT, INBOX_DUE,
    INBOX_OLDEST, INBOX_PAUSES, INBOX_WAITING, INCIDENTS, LATE_ATTEMPTS, Metrics, READY, RUN_DURATION, RUNS,
    STORE_CALL_DURATION, STORE_CALLS, VERIFIED, WAITING, WORKING,
};
use crate::observe::about::About;
use crate::observe::answered::Answered;
use crate::observe::incident::{Incident, IncidentKind};
use crate::observe::observer::Observe;
use crate::observe::run::RunEnded;
use crate::observe::snapshot::Snapshot;
use crate::observe::store_call::{StoreCall, StoreOperation, StoreResult};
use crate::refusal::Refusal;
use crate::signature::{Encoding, Form};

/// Apideck's attempt from which on a failure is late. Apideck makes ten.
const LATE: u32 = 7;

impl Metrics {
    /// Describes all metrics to the exporter, which must be installed before.
    ///
    /// The counters that alerts need begin with 0. An exporter shows no other counter before its
    /// first increment, so an alert would miss that one.
    pub fn new() -> Self {
        for metric in Self::TABLE {
            metric.describe();
        }
        LATE_ATTEMPTS.add([], 0);
        DEAD_LETTERS.add([], 0);
        for kind in IncidentKind::ALL {
            INCIDENTS.add([kind.as_str().into()], 0);
        }
        for refusal in Refusal::ALL {
            DELIVERIES.add([refusal.as_str().into(), About::event_label(None).into()], 0);
        }
        for operation in StoreOperation::ALL {
            for result in StoreResult::ALL {
                STORE_CALLS.add([operation.as_str().into(), result.as_str().into()], 0);
            }
        }
        for form in [Form::Raw, Form::Sorted, Form::SortedInArrays] {
            for encoding in [Encoding::Hex, Encoding::Base64] {
                VERIFIED.add([form.name().into(), encoding.name().into(), "0".into()], 0);
            }
        }
        Self(())
    }

    /// Sets the gauges.
    pub fn update(snapshot: &Snapshot) {
        IN_FLIGHT.set(snapshot.in_flight as f64);
        WORKING.set(snapshot.working as f64);
        WAITING.set(snapshot.waiting as f64);
        READY.set(if snapshot.ready { 1.0 } else { 0.0 });
        let waiting = snapshot.dead_letters.map(|letters| letters as f64);
        DEAD_LETTERS_WAITING.set(waiting.unwrap_or(f64::NAN));
        let number = |number: Option<u64>| number.map_or(f64::NAN, |number| number as f64);
        INBOX_WAITING.set(number(snapshot.inbox_waiting));
        INBOX_PAUSES.set(number(snapshot.inbox_pauses));
        INBOX_OLDEST.set(snapshot.inbox_oldest_seconds.unwrap_or(0) as f64);
        INBOX_DUE.set(snapshot.inbox_due_seconds.unwrap_or(0) as f64);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Observe for Metrics {
    fn answered(&self, answered: &Answered<'_>) {
        let outcome = answered.kind.as_str();
        DELIVERIES.add([outcome.into(), About::event_label(answered.about).into()], 1);
        DELIVERY_DURATION.record([outcome.into()], answered.duration.as_secs_f64());
        if let Some(signature) = answered.signature {
            let secret = SharedString::from(signature.secret.to_string());
            VERIFIED.add(
                [
                    signature.form.name().into(),
                    signature.encoding.name().into(),
                    secret,
                ],
                1,
            );
        }
        let Some(about) = answered.about else {
            return;
        };
        if let Some(occurred_at) = about.occurred_at {
            EVENT_AGE.record([outcome.into()], age(occurred_at, answered.received_at));
        }
        let failed = !answered.status.is_some_and(|status| (200..300).contains(&status));
        if failed && about.execution_attempt.is_some_and(|attempt| attempt >= LATE) {
            LATE_ATTEMPTS.add([], 1);
        }
    }

    fn run_ended(&self, run: &RunEnded<'_>) {
        let handler = run.about.handler.unwrap_or("none");
        RUNS.add([handler.into(), run.outcome.as_str().into()], 1);
        RUN_DURATION.record([handler.into()], run.duration.as_secs_f64());
    }

    fn store_called(&self, call: &StoreCall) {
        let operation = call.operation.as_str();
        STORE_CALLS.add([operation.into(), call.result.as_str().into()], 1);
        STORE_CALL_DURATION.record([operation.into()], call.duration.as_secs_f64());
    }

    fn incident(&self, incident: &Incident<'_>) {
        INCIDENTS.add([incident.kind.as_str().into()], incident.count);
        if incident.kind == IncidentKind::DeadLettered {
            DEAD_LETTERS.add([], 1);
        }
    }
}

/// Returns the seconds from an event to its arrival. The clocks of two machines differ, so an event
/// of the future has the age 0.
fn age(occurred_at: SystemTime, received_at: SystemTime) -> f64 {
    received_at
        .duration_since(occurred_at)
        .unwrap_or_default()
        .as_secs_f64()
}
