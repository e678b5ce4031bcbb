//! What a receiver tells about itself.

mod stats;

pub use stats::Stats;

pub(crate) use stats::Counters;
