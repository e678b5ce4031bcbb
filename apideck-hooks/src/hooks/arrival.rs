//! An arrival, and its course.

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::work::Work;
use crate::delivery::{Context, Key};
use crate::disposition::Disposition;
use crate::observe::{About, Report};
use crate::run::{Runner, WorkerPart};
use crate::signature::VerifiedText;

/// A delivery with a valid signature, or a replay.
pub(crate) struct Arrival {
    pub(crate) headers: HeaderMap,
    pub(crate) context: Context,
    pub(crate) text: VerifiedText,
    pub(crate) received_at: SystemTime,
    /// The current time or an earlier one. A claim's lease is counted from it.
    pub(crate) now: Instant,
    /// The record and the source of a replayed dead letter. `None` for a delivery.
    pub(crate) replayed: Option<(Key, String)>,
    /// Present if a worker runs the event. Boxed, because most arrivals are deliveries.
    pub(crate) worker: Option<Box<OfWorker>>,
    /// Held until the delivery is settled or waits for another one.
    pub(crate) permit: OwnedSemaphorePermit,
    pub(crate) report: Report,
}

/// The part of an arrival that only a worker's has.
pub(crate) struct OfWorker {
    pub(crate) runner: Arc<Runner>,
    pub(crate) part: WorkerPart,
}

/// The result of dispatching a delivery.
pub(crate) struct Dispatched {
    /// The event, if there is an observer.
    pub(crate) about: Option<Arc<About>>,
    pub(crate) course: Course,
}

/// The further course of a delivery.
pub(crate) enum Course {
    /// An unsigned header names another event than the signed body.
    Contradicted,
    /// The event has no handler.
    Settled(Disposition),
    /// The work of running the event's handler.
    Work(Work),
}
