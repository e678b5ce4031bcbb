//! Sends as Apideck does: every event until it is acknowledged, and some of them twice.

use super::behavior::{ATTEMPTS, Duplicate};
use super::ledger::since;
use crate::connections::Connections;
use crate::histogram::Histogram;
use crate::load::CONNECTIONS;
use crate::request::{Scheme, Template};
use crate::serve::Failure;
use crate::server::Server;
use perf::machine;
use std::collections::VecDeque;
use std::time::Duration;

/// The time before a retry. Apideck's shortest is three minutes.
const RETRY: Duration = Duration::from_secs(1);
/// The time before a late duplicate.
const LATE: Duration = Duration::from_secs(2);
/// The time between two samples of the server's memory.
const SAMPLE: Duration = Duration::from_millis(500);
/// The time for open deliveries after the last new event.
const DRAIN: Duration = Duration::from_secs(60);
/// The longest wait for a response before due deliveries are sent.
const TICK: Duration = Duration::from_micros(200);

/// One delivery.
#[derive(Clone, Copy)]
struct Delivery {
    number: u64,
    attempt: u8,
    duplicate: bool,
    due: Duration,
}

/// The number of responses of each kind.
#[derive(Default, Debug)]
pub(crate) struct Responses {
    pub(crate) handled: u64,
    pub(crate) duplicate: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) failed: u64,
    pub(crate) unprocessable: u64,
    pub(crate) later: u64,
    /// Others, and the first of them.
    pub(crate) other: u64,
    pub(crate) example: Option<String>,
}

pub(crate) struct Sent {
    /// The number of events, which is the number of the last one.
    pub(crate) events: u64,
    pub(crate) deliveries: u64,
    pub(crate) duplicates: u64,
    pub(crate) retries: u64,
    /// Deliveries without a response.
    pub(crate) unanswered: u64,
    pub(crate) responses: Responses,
    /// The time of the first 2xx in microseconds, by the event's number.
    pub(crate) acknowledged: Vec<Option<std::num::NonZeroU32>>,
    pub(crate) latency: Histogram,
    /// The time until the last new event.
    pub(crate) time: Duration,
    pub(crate) samples: Vec<Sample>,
}

/// The progress and the server's memory at one time.
pub(crate) struct Sample {
    /// Since the start.
    pub(crate) seconds: f64,
    pub(crate) bytes: f64,
    pub(crate) deliveries: u64,
}

pub(crate) struct Plan {
    /// Deliveries per second.
    pub(crate) rate: f64,
    pub(crate) time: Duration,
    /// The largest number of events.
    pub(crate) most: u64,
    /// The start of the ledger's times, on the monotonic clock.
    pub(crate) start: Duration,
}

struct Sender {
    sent: Sent,
    retries: VecDeque<Delivery>,
    late: VecDeque<Delivery>,
    soon: VecDeque<Delivery>,
    /// The delivery in flight on each connection.
    waiting: Vec<Option<Delivery>>,
    free: Vec<usize>,
}

pub(crate) fn send(server: &Server, plan: &Plan) -> Result<Sent, Failure> {
    let mut connections = Connections::open(server.address, CONNECTIONS)?;
    let mut template = Template::new(Scheme::Sorted);
    let mut sender = Sender::new(usize::try_from(plan.most)?);
    let begin = machine::monotonic();
    let mut next_sample = Duration::ZERO;
    loop {
        let now = machine::monotonic() - begin;
        let over = now >= plan.time || sender.sent.events >= plan.most;
        if over && sender.sent.time.is_zero() {
            sender.sent.time = now;
        }
        if !over && now >= next_sample {
            sender.sent.samples.push(Sample {
                seconds: now.as_secs_f64(),
                bytes: server.resident()? as f64,
                deliveries: sender.sent.deliveries,
            });
            next_sample += SAMPLE;
        }
        let due = |at: u64| Duration::from_secs_f64(at as f64 / plan.rate);
        while due(sender.sent.deliveries) <= now && !sender.free.is_empty() {
            let slot = due(sender.sent.deliveries);
            let Some(delivery) = sender.next(now, slot, over || sender.sent.events >= plan.most) else {
                break;
            };
            let Some(connection) = sender.free.pop() else {
                break;
            };
            connections.send(connection, template.request(delivery.number, delivery.attempt))?;
            sender.waiting[connection] = Some(delivery);
            sender.sent.deliveries += 1;
        }
        if over && sender.is_done() {
            break;
        }
        if over && now > sender.sent.time + DRAIN {
            sender.sent.unanswered = sender.left() as u64;
            break;
        }
        connections.wait(Some(TICK), |connection, status, body| {
            sender.received(
                connection,
                status,
                body,
                (machine::monotonic() - begin, since(plan.start)),
            );
        })?;
    }
    Ok(sender.sent)
}

impl Sender {
    fn new(events: usize) -> Self {
        Self {
            sent: Sent {
                events: 0,
                deliveries: 0,
                duplicates: 0,
                retries: 0,
                unanswered: 0,
                responses: Responses::default(),
                acknowledged: vec![None; events + 1],
                latency: Histogram::default(),
                time: Duration::ZERO,
                samples: Vec::new(),
            },
            retries: VecDeque::new(),
            late: VecDeque::new(),
            soon: VecDeque::new(),
            waiting: vec![None; CONNECTIONS],
            free: (0..CONNECTIONS).collect(),
        }
    }

    /// The delivery to send now: a duplicate or a retry that is due, else a new event.
    fn next(&mut self, now: Duration, slot: Duration, over: bool) -> Option<Delivery> {
        for (queue, retry) in [
            (&mut self.soon, false),
            (&mut self.retries, true),
            (&mut self.late, false),
        ] {
            if queue.front().is_some_and(|delivery| delivery.due <= now) {
                self.sent.retries += u64::from(retry);
                self.sent.duplicates += u64::from(!retry);
                return queue.pop_front().map(|delivery| Delivery {
                    due: slot.max(delivery.due),
                    ..delivery
                });
            }
        }
        if over {
            return None;
        }
        self.sent.events += 1;
        let first = Delivery {
            number: self.sent.events,
            attempt: 1,
            duplicate: false,
            due: slot,
        };
        let duplicate = |due| Delivery {
            duplicate: true,
            due,
            ..first
        };
        match Duplicate::of(first.number) {
            Duplicate::None => {}
            Duplicate::Soon => self.soon.push_back(duplicate(slot)),
            Duplicate::Late => self.late.push_back(duplicate(now + LATE)),
        }
        Some(first)
    }

    fn received(&mut self, connection: usize, status: u16, body: &[u8], (now, at): (Duration, u32)) {
        let Some(delivery) = self.waiting[connection].take() else {
            return;
        };
        self.free.push(connection);
        self.sent.latency.add(now.saturating_sub(delivery.due));
        let responses = &mut self.sent.responses;
        let count = match (status, body) {
            (200, br#"{"status":"handled"}"#) => &mut responses.handled,
            (200, br#"{"status":"duplicate"}"#) => &mut responses.duplicate,
            (200, br#"{"status":"dead_lettered"}"#) => &mut responses.dead_lettered,
            (500, _) => &mut responses.failed,
            (422, _) => &mut responses.unprocessable,
            (503, _) => &mut responses.later,
            _ => {
                responses
                    .example
                    .get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
                &mut responses.other
            }
        };
        *count += 1;
        if (200..300).contains(&status) {
            let acknowledged = &mut self.sent.acknowledged[delivery.number as usize];
            *acknowledged = acknowledged.or(std::num::NonZeroU32::new(at.max(1)));
        }
        // A duplicate that waited for a run fails with it, and the first delivery is retried. A
        // duplicate that could not wait is retried itself.
        let again = status == 503 || (status == 500 && !delivery.duplicate);
        if again {
            self.retries.push_back(Delivery {
                attempt: (delivery.attempt + 1).min(ATTEMPTS + 1),
                due: now + RETRY,
                ..delivery
            });
        }
    }

    fn left(&self) -> usize {
        let waiting = self.waiting.iter().flatten().count();
        waiting + self.retries.len() + self.late.len() + self.soon.len()
    }

    fn is_done(&self) -> bool {
        self.left() == 0
    }
}
