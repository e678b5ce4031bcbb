//! The counts that a receiver reports, and the limit of its log.

mod log_limit;
mod report;
mod stats;

pub use stats::Stats;

pub(crate) use log_limit::{LogLimit, limited};
pub(crate) use report::Report;
#[cfg(feature = "testing")]
pub(crate) use report::Reported;
pub(crate) use stats::Counters;
