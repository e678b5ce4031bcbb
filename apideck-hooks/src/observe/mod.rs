//! Observing a receiver: what it tells, its counts and its log.
//!
//! # How it works
//!
//! Each request has one `OpenRequest`, which is answered exactly once. An answer, a run, a call
//! to the store and an incident are each told in one place: `Observers` counts it, and passes it
//! on to the user's observers. Facts of an event are copied for them only if there are any.

mod about;
mod answered;
mod incident;
mod log_limit;
#[cfg(feature = "metrics")]
mod metrics;
mod observed_run;
mod observer;
mod observers;
mod open_request;
mod report;
mod run;
mod snapshot;
mod stats;
mod store_call;

#[cfg(feature = "metrics")]
pub use self::metrics::{Metric, MetricKind, Metrics};
pub use about::About;
pub use answered::{AnswerKind, Answered};
pub use incident::{Incident, IncidentKind};
pub use observer::Observe;
pub use run::{RunEnded, RunOutcome, RunStarted};
pub use snapshot::Snapshot;
pub use stats::Stats;
pub use store_call::{StoreCall, StoreOperation, StoreResult};

pub(crate) use log_limit::{LogLimit, limited};
pub(crate) use observed_run::{ObservedRun, RunOf};
pub(crate) use observers::Observers;
pub(crate) use open_request::{OpenRequest, delivery_span};
pub(crate) use report::Report;
#[cfg(feature = "testing")]
pub(crate) use report::Reported;
