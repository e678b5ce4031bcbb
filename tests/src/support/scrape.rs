//! A page of metrics in Prometheus's text format, read back.

use apideck_hooks::observe::{Metric, MetricKind};
use std::collections::BTreeMap;

/// A sample: its full name, its labels and its value.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// A page of metrics.
#[derive(Clone, Debug)]
pub struct Scrape {
    text: String,
    pub samples: Vec<Sample>,
}

impl Scrape {
    pub fn read(text: &str) -> Self {
        let lines = text.lines();
        let samples = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(sample)
            .collect();
        Scrape {
            text: text.to_owned(),
            samples,
        }
    }

    /// The sum of all samples of a name that have these labels. `None` if there are none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &&Sample| {
            let labelled =
                |(label, value): &(&str, &str)| sample.labels.get(*label).is_some_and(|found| found == value);
            sample.name == name && labels.iter().all(labelled)
        };
        let values: Vec<_> = self
            .samples
            .iter()
            .filter(has)
            .map(|sample| sample.value)
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// The values of a label.
    pub fn values(&self, name: &str, label: &str) -> Vec<&str> {
        let samples = self.samples.iter().filter(|sample| sample.name == name);
        let mut values: Vec<_> = samples
            .filter_map(|sample| Some(sample.labels.get(label)?.as_str()))
            .collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Checks that the page describes a metric as the table does, and has a sample of it.
    #[track_caller]
    pub fn has(&self, metric: &Metric) {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            _ => "histogram",
        };
        for line in [
            format!("# TYPE {} {kind}", metric.name),
            format!("# HELP {} {}", metric.name, metric.help),
        ] {
            assert!(
                self.text.lines().any(|found| found == line),
                "{line}: {}",
                self.text
            );
        }
        let sampled = |sample: &Sample| of(&sample.name, metric).is_some();
        assert!(self.samples.iter().any(sampled), "{}: {}", metric.name, self.text);
    }

    /// Checks that each sample belongs to a metric of the table and has exactly its labels.
    #[track_caller]
    pub fn has_only(&self, table: &[Metric]) {
        for sample in &self.samples {
            let of = table.iter().find_map(|metric| of(&sample.name, metric));
            let mut expected = of.unwrap_or_else(|| panic!("not in the table: {sample:?}"));
            let mut found: Vec<_> = sample.labels.keys().map(String::as_str).collect();
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected, "{sample:?}");
        }
    }
}

/// The labels that a sample of this name has if it belongs to the metric.
pub fn of(name: &str, metric: &Metric) -> Option<Vec<&'static str>> {
    let mut labels = metric.labels.to_vec();
    match name.strip_prefix(metric.name)? {
        "" if metric.kind != MetricKind::Histogram => {}
        "_sum" | "_count" if metric.kind == MetricKind::Histogram => {}
        "_bucket" if metric.kind == MetricKind::Histogram => labels.push("le"),
        _ => return None,
    }
    Some(labels)
}

/// Reads `name{label="value"} 1`. The values hold no quotation marks.
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').expect("an end of the labels");
    let labels = labels.split_terminator("\",").map(|label| {
        let (label, value) = label.split_once("=\"").expect("a label");
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    });
    Sample {
        name: name.to_owned(),
        labels: labels.collect(),
        value: value.parse().expect("a number"),
    }
}
