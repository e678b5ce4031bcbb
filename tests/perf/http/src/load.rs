//! The load: as fast as the receiver responds, or at a steady rate.

use crate::connections::Connections;
use crate::histogram::Histogram;
use crate::request::{Scheme, Signature, Template};
use perf::machine::thread_time;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The connections of a load.
pub(crate) const CONNECTIONS: usize = 64;

/// Requests that are ready to be sent.
pub(crate) struct Requests {
    template: Template,
    bytes: Vec<u8>,
    next: u64,
}

impl Requests {
    pub(crate) fn new(scheme: Scheme) -> Self {
        Self {
            template: Template::new(scheme),
            bytes: Vec::new(),
            next: 1,
        }
    }

    /// Makes this many requests, for new events. They reuse the memory of the last ones, because
    /// new memory would make sending slower.
    pub(crate) fn fill(&mut self, count: usize) {
        self.fill_with(count, &[Signature::Genuine]);
    }

    /// Makes this many requests, with these signatures in turn.
    pub(crate) fn fill_with(&mut self, count: usize, signatures: &[Signature]) {
        let length = self.template.len();
        self.bytes.clear();
        self.bytes.reserve(count * length);
        for signature in signatures.iter().cycle().take(count) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(self.template.request(self.next, 1));
            self.template.spoil(&mut self.bytes[start..], *signature);
            self.next += 1;
        }
    }

    pub(crate) fn request(&self, at: usize) -> &[u8] {
        let length = self.template.len();
        &self.bytes[at * length..(at + 1) * length]
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / self.template.len()
    }
}

/// The result of a load.
pub(crate) struct Sent {
    pub(crate) responses: u64,
    /// The number of responses other than 200, and the first of them.
    pub(crate) refused: u64,
    pub(crate) refusal: Option<String>,
    pub(crate) time: Duration,
    /// The share of the time in which the load was busy. At 1 the load was measured, not the
    /// server.
    pub(crate) busy: f64,
    /// The times from when a request was due to its response.
    pub(crate) latency: Histogram,
    /// The same of the responses that were 200.
    pub(crate) accepted: Histogram,
    /// The 99th percentile of all in each window.
    pub(crate) windows: Vec<Duration>,
}

/// The length of a window. A shared machine stops for milliseconds at times, and this spoils few
/// windows of many.
pub(crate) const WINDOW: Duration = Duration::from_millis(50);

impl Sent {
    fn count(&mut self, status: u16, body: &[u8]) {
        self.responses += 1;
        if status != 200 {
            self.refused += 1;
            self.refusal
                .get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
        }
    }

    pub(crate) fn rate(&self) -> f64 {
        self.responses as f64 / self.time.as_secs_f64()
    }
}

/// The wall clock and the CPU clock at the start.
struct Watch(Instant, Duration);

impl Watch {
    fn start() -> Self {
        Watch(Instant::now(), thread_time())
    }

    /// `idle` is the time without a response.
    fn stop(self, sent: &mut Sent, idle: Duration) {
        sent.time = self.0.elapsed();
        let busy = (thread_time() - self.1).saturating_sub(idle);
        sent.busy = busy.as_secs_f64() / sent.time.as_secs_f64();
    }
}

fn nothing() -> Sent {
    Sent {
        responses: 0,
        refused: 0,
        refusal: None,
        time: Duration::ZERO,
        busy: 0.0,
        latency: Histogram::default(),
        accepted: Histogram::default(),
        windows: Vec::new(),
    }
}

/// Sends all requests, each as soon as a connection has its response.
///
/// It never sleeps. A server would pay for waking it, and a slow server more often.
pub(crate) fn closed(address: SocketAddr, requests: &Requests) -> io::Result<Sent> {
    let mut connections = Connections::open(address, CONNECTIONS)?;
    let mut sent = nothing();
    let watch = Watch::start();
    let mut next = 0;
    while next < requests.len().min(connections.len()) {
        connections.send(next, requests.request(next))?;
        next += 1;
    }
    let mut free = Vec::with_capacity(connections.len());
    let mut idle = Duration::ZERO;
    while sent.responses < requests.len() as u64 {
        free.clear();
        let looked = Instant::now();
        connections.wait(Some(Duration::ZERO), |connection, status, body| {
            sent.count(status, body);
            free.push(connection);
        })?;
        if free.is_empty() {
            idle += looked.elapsed();
        }
        for &connection in &free {
            if next < requests.len() {
                connections.send(connection, requests.request(next))?;
                next += 1;
            }
        }
    }
    watch.stop(&mut sent, idle);
    Ok(sent)
}

/// Sends all requests evenly spaced, `rate` of them per second, each on a free connection.
///
/// The time in which none is free counts, because a sender of webhooks does not slow down with the
/// receiver.
pub(crate) fn paced(address: SocketAddr, requests: &Requests, rate: f64) -> io::Result<Sent> {
    let mut connections = Connections::open(address, CONNECTIONS)?;
    let mut sent = nothing();
    let mut free: Vec<usize> = (0..connections.len()).collect();
    let mut due_of = vec![Duration::ZERO; connections.len()];
    let watch = Watch::start();
    let start = watch.0;
    let mut next = 0;
    let (mut window, mut window_ends) = (Histogram::default(), WINDOW);
    while sent.responses < requests.len() as u64 {
        let now = start.elapsed();
        if now > window_ends {
            // A window has no response if the machine stopped.
            if window.quantile(1.0) > Duration::ZERO {
                sent.windows.push(window.quantile(0.99));
            }
            window = Histogram::default();
            window_ends = now + WINDOW;
        }
        while next < requests.len() {
            let due = Duration::from_secs_f64(next as f64 / rate);
            if due > now {
                break;
            }
            let Some(connection) = free.pop() else { break };
            connections.send(connection, requests.request(next))?;
            due_of[connection] = due;
            next += 1;
        }
        // Without sleeping, because a sleep ends late. The load has a processor of its own.
        connections.wait(Some(Duration::ZERO), |connection, status, body| {
            sent.count(status, body);
            let time = start.elapsed().saturating_sub(due_of[connection]);
            sent.latency.add(time);
            if status == 200 {
                sent.accepted.add(time);
            }
            window.add(time);
            free.push(connection);
        })?;
    }
    watch.stop(&mut sent, Duration::ZERO);
    Ok(sent)
}
