//! Metrics, by the facade of the crate `metrics`.

mod metric;
mod observer;
mod table;

pub use metric::{Metric, MetricKind};
pub use table::Metrics;
