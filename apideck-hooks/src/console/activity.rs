//! The outcomes of the last hour, and the signatures that were seen.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::observe::Answered;
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
    /// The minutes with an answer, each with its number. The newest is the last.
    minutes: VecDeque<(u64, BTreeMap<&'static str, u64>)>,
    /// Bounded by the forms, encodings and secrets of the receiver.
    signatures: Vec<(Matched, u64, SystemTime)>,
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

    pub(super) fn answered(&mut self, answered: &Answered<'_>) {
        let minute = self.minute();
        if self.minutes.back().is_none_or(|(last, _)| *last != minute) {
            self.minutes.push_back((minute, BTreeMap::new()));
        }
        while self
            .minutes
            .front()
            .is_some_and(|(first, _)| first + MINUTES <= minute)
        {
            self.minutes.pop_front();
        }
        if let Some((_, outcomes)) = self.minutes.back_mut() {
            *outcomes.entry(answered.kind.as_str()).or_default() += 1;
        }
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
            let outcomes = self.minutes.iter().find(|(at, _)| *at == number);
            json!({
                "start": Timestamp::from(start.unwrap_or(now)).as_str(),
                "outcomes": outcomes.map(|(_, outcomes)| outcomes.clone()).unwrap_or_default(),
            })
        });
        minutes.collect()
    }

    /// Returns the requests a minute: the mean of the last five minutes, the running one included.
    pub(super) fn rate(&self) -> f64 {
        let (elapsed, minute) = (self.since.elapsed(), self.minute());
        let first = (minute + 1).saturating_sub(RATE);
        let recent = self.minutes.iter().filter(|(at, _)| *at >= first);
        let count: u64 = recent.flat_map(|(_, outcomes)| outcomes.values()).sum();
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
