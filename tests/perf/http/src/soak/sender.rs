//! Sends as Apideck does: every event until it is acknowledged, some of them twice.

use super::fate::{ATTEMPTS, Twin};
use super::ledger::since;
use crate::event::{Maker, Scheme};
use crate::histogram::Histogram;
use crate::load::CONNECTIONS;
use crate::machine;
use crate::serve::Failure;
use crate::server::Server;
use crate::wire::Wires;
use std::collections::VecDeque;
use std::time::Duration;

/// Apideck's shortest is three minutes.
const RETRY: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(2);
/// How often the server's memory is looked at.
const SAMPLE: Duration = Duration::from_millis(500);
/// For what is left when no new events come any more.
const DRAIN: Duration = Duration::from_secs(60);
/// The longest wait for an answer before what is due is looked at again.
const TICK: Duration = Duration::from_micros(200);

/// One delivery.
#[derive(Clone, Copy)]
struct Delivery {
    number: u64,
    attempt: u8,
    twin: bool,
    due: Duration,
}

/// How often there was which answer.
#[derive(Default, Debug)]
pub(crate) struct Answers {
    pub(crate) handled: u64,
    pub(crate) duplicate: u64,
    pub(crate) set_aside: u64,
    pub(crate) failed: u64,
    pub(crate) unprocessable: u64,
    pub(crate) later: u64,
    /// Any other, and the first of them.
    pub(crate) odd: u64,
    pub(crate) example: Option<String>,
}

pub(crate) struct Sent {
    /// Numbers from 1 up to this.
    pub(crate) events: u64,
    pub(crate) deliveries: u64,
    pub(crate) twins: u64,
    pub(crate) retries: u64,
    /// Those that were never answered.
    pub(crate) unanswered: u64,
    pub(crate) answers: Answers,
    /// Of each event: when its first 2xx came, in microseconds.
    pub(crate) acknowledged: Vec<Option<std::num::NonZeroU32>>,
    pub(crate) latency: Histogram,
    /// Until no new events were sent.
    pub(crate) time: Duration,
    pub(crate) samples: Vec<Sample>,
}

/// How far it was, and what memory the server had, so many seconds after the beginning.
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    pub(crate) bytes: f64,
    pub(crate) deliveries: u64,
}

pub(crate) struct Plan {
    /// Deliveries a second.
    pub(crate) rate: f64,
    pub(crate) time: Duration,
    /// No more events than this.
    pub(crate) most: u64,
    /// When time begins, in the ledger and here.
    pub(crate) start: Duration,
}

struct Sender {
    sent: Sent,
    retries: VecDeque<Delivery>,
    late: VecDeque<Delivery>,
    soon: VecDeque<Delivery>,
    /// What each connection waits for.
    waiting: Vec<Option<Delivery>>,
    free: Vec<usize>,
}

pub(crate) fn send(server: &Server, plan: &Plan) -> Result<Sent, Failure> {
    let mut wires = Wires::open(server.address, CONNECTIONS)?;
    let mut maker = Maker::new(Scheme::Sorted);
    let mut sender = Sender {
        sent: Sent {
            events: 0,
            deliveries: 0,
            twins: 0,
            retries: 0,
            unanswered: 0,
            answers: Answers::default(),
            acknowledged: vec![None; usize::try_from(plan.most)? + 1],
            latency: Histogram::default(),
            time: Duration::ZERO,
            samples: Vec::new(),
        },
        retries: VecDeque::new(),
        late: VecDeque::new(),
        soon: VecDeque::new(),
        waiting: vec![None; CONNECTIONS],
        free: (0..CONNECTIONS).collect(),
    };
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
            let Some(wire) = sender.free.pop() else { break };
            wires.send(wire, maker.request(delivery.number, delivery.attempt))?;
            sender.waiting[wire] = Some(delivery);
            sender.sent.deliveries += 1;
        }
        if over && sender.is_done() {
            break;
        }
        if over && now > sender.sent.time + DRAIN {
            sender.sent.unanswered = sender.left() as u64;
            break;
        }
        wires.wait(Some(TICK), |wire, status, body| {
            sender.answered(
                wire,
                status,
                body,
                (machine::monotonic() - begin, since(plan.start)),
            );
        })?;
    }
    Ok(sender.sent)
}

impl Sender {
    /// What to send now: what is due again, before a new event.
    fn next(&mut self, now: Duration, slot: Duration, over: bool) -> Option<Delivery> {
        for (queue, retry) in [
            (&mut self.soon, false),
            (&mut self.retries, true),
            (&mut self.late, false),
        ] {
            if queue.front().is_some_and(|delivery| delivery.due <= now) {
                self.sent.retries += u64::from(retry);
                self.sent.twins += u64::from(!retry);
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
            twin: false,
            due: slot,
        };
        let twin = |due| Delivery {
            twin: true,
            due,
            ..first
        };
        match Twin::of(first.number) {
            Twin::None => {}
            Twin::Soon => self.soon.push_back(twin(slot)),
            Twin::Late => self.late.push_back(twin(now + LATE)),
        }
        Some(first)
    }

    fn answered(&mut self, wire: usize, status: u16, body: &[u8], (now, at): (Duration, u32)) {
        let Some(delivery) = self.waiting[wire].take() else {
            return;
        };
        self.free.push(wire);
        self.sent.latency.add(now.saturating_sub(delivery.due));
        let answers = &mut self.sent.answers;
        let count = match (status, body) {
            (200, br#"{"status":"handled"}"#) => &mut answers.handled,
            (200, br#"{"status":"duplicate"}"#) => &mut answers.duplicate,
            (200, br#"{"status":"set aside"}"#) => &mut answers.set_aside,
            (500, _) => &mut answers.failed,
            (422, _) => &mut answers.unprocessable,
            (503, _) => &mut answers.later,
            _ => {
                answers
                    .example
                    .get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
                &mut answers.odd
            }
        };
        *count += 1;
        if (200..300).contains(&status) {
            let acknowledged = &mut self.sent.acknowledged[delivery.number as usize];
            *acknowledged = acknowledged.or(std::num::NonZeroU32::new(at.max(1)));
        }
        // A twin that failed with the run that it waited for leaves the retry to the first; one that found it running does not.
        let again = status == 503 || (status == 500 && !delivery.twin);
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
