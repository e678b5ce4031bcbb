//! A metric, and the calls to the facade that need its name.

use metrics::{Label, SharedString, Unit};

pub(super) const DURATION_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0,
];
pub(super) const AGE_BUCKETS: &[f64] = &[
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0,
];

/// The type of a [`Metric`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MetricKind {
    /// A count that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// A distribution of values.
    Histogram,
}

/// A metric of [`Metrics::TABLE`](super::Metrics::TABLE).
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: MetricKind,
    /// The unit: `count` or `seconds`.
    pub unit: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// One sentence about it.
    pub help: &'static str,
    /// The recommended upper bounds of a histogram's buckets. Empty for another type.
    pub buckets: &'static [f64],
}

impl Metric {
    pub(super) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind: MetricKind::Counter,
            unit: "count",
            labels,
            help,
            buckets: &[],
        }
    }

    pub(super) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            kind: MetricKind::Gauge,
            ..Self::counter(name, labels, help)
        }
    }

    /// A histogram of times.
    pub(super) const fn durations(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            kind: MetricKind::Histogram,
            unit: "seconds",
            buckets: DURATION_BUCKETS,
            ..Self::counter(name, labels, help)
        }
    }

    /// A histogram of ages, which are longer.
    pub(super) const fn ages(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            buckets: AGE_BUCKETS,
            ..Self::durations(name, labels, help)
        }
    }

    pub(super) fn describe(&self) {
        let unit = Unit::from_string(self.unit).unwrap_or(Unit::Count);
        match self.kind {
            MetricKind::Counter => metrics::describe_counter!(self.name, unit, self.help),
            MetricKind::Gauge => metrics::describe_gauge!(self.name, unit, self.help),
            MetricKind::Histogram => metrics::describe_histogram!(self.name, unit, self.help),
        }
    }

    /// Adds to the counter with these values of its labels.
    pub(super) fn add<const N: usize>(&self, values: [SharedString; N], count: u64) {
        metrics::counter!(self.name, self.with(values)).increment(count);
    }

    /// Sets the gauge.
    pub(super) fn set(&self, value: f64) {
        metrics::gauge!(self.name, self.with([])).set(value);
    }

    /// Records a value of the histogram with these values of its labels.
    pub(super) fn record<const N: usize>(&self, values: [SharedString; N], seconds: f64) {
        metrics::histogram!(self.name, self.with(values)).record(seconds);
    }

    fn with<const N: usize>(&self, values: [SharedString; N]) -> Vec<Label> {
        debug_assert_eq!(self.labels.len(), N, "the labels of {}", self.name);
        let labels = self.labels.iter().zip(values);
        labels.map(|(name, value)| Label::new(*name, value)).collect()
    }
}
