//! The counts that a receiver reports, and the limit of its log.

mod log_limit;
mod stats;

pub use stats::Stats;

pub(crate) use log_limit::{LogLimit, limited};
pub(crate) use stats::Counters;
