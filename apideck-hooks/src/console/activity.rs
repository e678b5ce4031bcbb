//! The outcomes of the last hour, and the signatures that were seen.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::observe::{Answered, RunOutcome};
use crate::payload::Timestamp;
use crate::signature::Matched;

const MINUTE: Duration = Duration::from_secs(60);
/// Number of minutes that are kept.
pub(super) const MINUTES: u64 = 60;
/// Number of minutes over which the rate is a mean.
const RATE: u64 = 5;

/// The outcomes of the last hour, and the signatures that were seen since the start.
///
/// Minutes are counted from the start by a clock that nobody sets.
pub(super) struct Activity {
    since: Instant,
    /// The minutes in which something was told. The newest is the last.
    minutes: VecDeque<Minute>,
    /// Bounded by the forms, encodings and secrets of the receiver.
    signatures: Vec<(Matched, u64, SystemTime)>,
}

/// The counts of a minute.
struct Minute {
    number: u64,
    requests: u64,
    /// Of requests, and of the runs of workers.
    outcomes: BTreeMap<&'static str, u64>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            minutes: VecDeque::new(),
            signatures: Vec::new(),
        }
    }
}

impl Activity {
    fn minute(&self) -> u64 {
        self.since.elapsed().as_secs() / MINUTE.as_secs()
    }

    /// Counts an outcome.
    fn count(&mut self, outcome: &'static str, requests: u64) {
        let number = self.minute();
        if self.minutes.back().is_none_or(|last| last.number != number) {
            self.minutes.push_back(Minute {
                number,
                requests: 0,
                outcomes: BTreeMap::new(),
            });
        }
        while self
            .minutes
            .front()
            .is_some_and(|first| first.number + MINUTES <= number)
        {
            self.minutes.pop_front();
        }
        if let Some(minute) = self.minutes.back_mut() {
            minute.requests += requests;
            *minute.outcomes.entry(outcome).or_default() += 1;
        }
    }

    /// Counts the run of a worker, which no request waits for.
    pub(super) fn ran(&mut self, outcome: RunOutcome) {
        self.count(outcome.as_str(), 0);
    }

    pub(super) fn answered(&mut self, answered: &Answered<'_>) {
        self.count(answered.kind.as_str(), 1);
        let Some(matched) = answered.signature else { return };
        match self.signatures.iter_mut().find(|(seen, ..)| *seen == matched) {
            Some((_, count, last)) => {
                *count += 1;
                *last = answered.received_at;
            }
            None => self.signatures.push((matched, 1, answered.received_at)),
        }
    }

    /// Returns the minutes of the last hour, oldest first, also those without an answer.
    pub(super) fn minutes(&self) -> Value {
        let (elapsed, minute, now) = (self.since.elapsed(), self.minute(), SystemTime::now());
        let first = (minute + 1).saturating_sub(MINUTES);
        let minutes = (first..=minute).map(|number| {
            let began = MINUTE * u32::try_from(number).unwrap_or(u32::MAX);
            let start = now.checked_sub(elapsed.saturating_sub(began));
            let minute = self.minutes.iter().find(|minute| minute.number == number);
            json!({
                "start": Timestamp::from(start.unwrap_or(now)).as_str(),
                "outcomes": minute.map(|minute| minute.outcomes.clone()).unwrap_or_default(),
            })
        });
        minutes.collect()
    }

    /// Returns the requests a minute: the mean of the last five minutes, the running one included.
    pub(super) fn rate(&self) -> f64 {
        let (elapsed, minute) = (self.since.elapsed(), self.minute());
        let first = (minute + 1).saturating_sub(RATE);
        let recent = self.minutes.iter().filter(|minute| minute.number >= first);
        let count: u64 = recent.map(|minute| minute.requests).sum();
        let began = MINUTE * u32::try_from(first).unwrap_or(u32::MAX);
        // A process that has just started has no rate of a fraction of a minute.
        let time = elapsed.saturating_sub(began).max(MINUTE);
        let rate = count as f64 * MINUTE.as_secs_f64() / time.as_secs_f64();
        (rate * 10.0).round() / 10.0
    }

    /// Returns the forms, encodings and secrets that were seen.
    pub(super) fn signatures(&self) -> Value {
        let seen = self.signatures.iter().map(|(matched, count, last)| {
            json!({
                "form": matched.form.name(),
                "encoding": matched.encoding.name(),
                "secret": matched.secret,
                "count": count,
                "last": Timestamp::from(*last).as_str(),
            })
        });
        seen.collect()
    }
}
