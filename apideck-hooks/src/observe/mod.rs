//! Observing a receiver: what it tells its observers.
//!
//! Implement [`Observe`] and give it to [`HooksBuilder::observe`](crate::HooksBuilder::observe).
//!
//! | told | when |
//! | --- | --- |
//! | [`Answered`] | once for each request, also for a refused one and for a client that left |
//! | [`RunStarted`], [`RunEnded`] | for each run of a handler. The end can come after the answer |
//! | [`StoreCall`] | for each call to the store that a delivery or a replay waits for |
//! | [`Incident`] | for everything else. [`IncidentKind`] lists it |
//!
//! [`Hooks::stats`](crate::Hooks::stats) counts all of it, also without an observer. Facts of an
//! event are copied only if there is an observer.
//!
//! # How it works
//!
//! A request makes an open request, which is answered once. If it is dropped before, its client has
//! left. Each thing is told in one place, which counts it and passes it on to the observers.

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
