//! The counts that a receiver reports.

mod stats;

pub use stats::Stats;

pub(crate) use stats::Counters;
