//! What is sent: as fast as it is answered, or at a steady rate.

use crate::event::{Maker, Scheme};
use crate::histogram::Histogram;
use crate::machine;
use crate::wire::Wires;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Connections, each of which waits for its answer.
pub(crate) const CONNECTIONS: usize = 64;

/// Requests that are ready to be sent.
pub(crate) struct Pool {
    maker: Maker,
    bytes: Vec<u8>,
    next: u64,
}

impl Pool {
    pub(crate) fn new(scheme: Scheme) -> Self {
        Pool {
            maker: Maker::new(scheme),
            bytes: Vec::new(),
            next: 1,
        }
    }

    /// Makes so many, for events that there were not yet. Over the same memory: that it is there already is a part of what
    /// makes sending cheap.
    pub(crate) fn fill(&mut self, count: usize) {
        self.bytes.clear();
        self.bytes.reserve(count * self.maker.len());
        for _ in 0..count {
            self.bytes.extend_from_slice(self.maker.request(self.next, 1));
            self.next += 1;
        }
    }

    pub(crate) fn request(&self, at: usize) -> &[u8] {
        let length = self.maker.len();
        &self.bytes[at * length..(at + 1) * length]
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / self.maker.len()
    }
}

/// What came of it.
pub(crate) struct Sent {
    pub(crate) answered: u64,
    /// Answers other than 200, and the first of them.
    pub(crate) refused: u64,
    pub(crate) refusal: Option<String>,
    pub(crate) time: Duration,
    /// How busy this side was: 1 would say that it, not the server, was measured.
    pub(crate) busy: f64,
    /// From when a request was due to its answer.
    pub(crate) latency: Histogram,
    /// The 99th percentile of that in each window.
    pub(crate) windows: Vec<Duration>,
}

/// So short that a machine that stops for some milliseconds, as shared ones do, spoils few of many.
pub(crate) const WINDOW: Duration = Duration::from_millis(50);

impl Sent {
    fn count(&mut self, status: u16, body: &[u8]) {
        self.answered += 1;
        if status != 200 {
            self.refused += 1;
            self.refusal
                .get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
        }
    }

    pub(crate) fn rate(&self) -> f64 {
        self.answered as f64 / self.time.as_secs_f64()
    }
}

struct Watch(Instant, Duration);

impl Watch {
    fn start() -> Self {
        Watch(Instant::now(), machine::thread_time())
    }

    /// `idle`: how much of it was spent looking in vain for an answer.
    fn stop(self, sent: &mut Sent, idle: Duration) {
        sent.time = self.0.elapsed();
        let busy = (machine::thread_time() - self.1).saturating_sub(idle);
        sent.busy = busy.as_secs_f64() / sent.time.as_secs_f64();
    }
}

fn nothing() -> Sent {
    Sent {
        answered: 0,
        refused: 0,
        refusal: None,
        time: Duration::ZERO,
        busy: 0.0,
        latency: Histogram::default(),
        windows: Vec::new(),
    }
}

/// Sends the whole pool, on every connection the next request as soon as the last one is answered. It never sleeps: a server would pay
/// for waking it, and the more the slower it is, as then it sleeps more often.
pub(crate) fn closed(address: SocketAddr, pool: &Pool) -> io::Result<Sent> {
    let mut wires = Wires::open(address, CONNECTIONS)?;
    let mut sent = nothing();
    let watch = Watch::start();
    let mut next = 0;
    while next < pool.len().min(wires.len()) {
        wires.send(next, pool.request(next))?;
        next += 1;
    }
    let mut free = Vec::with_capacity(wires.len());
    let mut idle = Duration::ZERO;
    while sent.answered < pool.len() as u64 {
        free.clear();
        let looked = Instant::now();
        wires.wait(Some(Duration::ZERO), |wire, status, body| {
            sent.count(status, body);
            free.push(wire);
        })?;
        if free.is_empty() {
            idle += looked.elapsed();
        }
        for &wire in &free {
            if next < pool.len() {
                wires.send(wire, pool.request(next))?;
                next += 1;
            }
        }
    }
    watch.stop(&mut sent, idle);
    Ok(sent)
}

/// Sends the whole pool at so many a second, evenly spaced, each on a connection that is free. What finds none waits, and
/// its wait counts: the sender of webhooks does not slow down because the receiver does.
pub(crate) fn paced(address: SocketAddr, pool: &Pool, rate: f64) -> io::Result<Sent> {
    let mut wires = Wires::open(address, CONNECTIONS)?;
    let mut sent = nothing();
    let mut free: Vec<usize> = (0..wires.len()).collect();
    let mut due_of = vec![Duration::ZERO; wires.len()];
    let watch = Watch::start();
    let start = watch.0;
    let mut next = 0;
    let (mut window, mut window_ends) = (Histogram::default(), WINDOW);
    while sent.answered < pool.len() as u64 {
        let now = start.elapsed();
        if now > window_ends {
            // Nothing was answered in a window in which the machine stood still.
            if window.quantile(1.0) > Duration::ZERO {
                sent.windows.push(window.quantile(0.99));
            }
            window = Histogram::default();
            window_ends = now + WINDOW;
        }
        while next < pool.len() {
            let due = Duration::from_secs_f64(next as f64 / rate);
            if due > now {
                break;
            }
            let Some(wire) = free.pop() else { break };
            wires.send(wire, pool.request(next))?;
            due_of[wire] = due;
            next += 1;
        }
        // Without a wait: it would end late. This side has a processor for itself.
        wires.wait(Some(Duration::ZERO), |wire, status, body| {
            sent.count(status, body);
            let time = start.elapsed().saturating_sub(due_of[wire]);
            sent.latency.add(time);
            window.add(time);
            free.push(wire);
        })?;
    }
    watch.stop(&mut sent, Duration::ZERO);
    Ok(sent)
}
