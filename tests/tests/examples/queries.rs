//! The dashboard and the alerts of `examples/observability` use nothing but the table of metrics.

use apideck_hooks::Metrics;
use apideck_hooks::observe::{IncidentKind, Metric, RunOutcome, StoreOperation, StoreResult};
use apideck_hooks::{Hooks, router};
use apideck_hooks_tests::scrape::of;
use serde_json::Value;
use std::collections::BTreeSet;

const DASHBOARD: &str = include_str!("../../../examples/observability/grafana.json");
const ALERTS: &str = include_str!("../../../examples/observability/alerts.yml");

/// The words of PromQL that the files use, and Prometheus's own labels.
const WORDS: &[&str] = &[
    "and",
    "by",
    "histogram_quantile",
    "increase",
    "max",
    "min",
    "rate",
    "sum",
    "topk",
];
const ADDED_BY_PROMETHEUS: &[&str] = &["instance", "job"];

/// A token of PromQL. Numbers, times and other signs are left out.
#[derive(Clone, PartialEq, Debug)]
enum Token {
    Name(String),
    Text(String),
    Sign(char),
}

fn tokens(query: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        if first == '"' {
            let end = rest[1..].find('"').expect("the end of a text") + 1;
            tokens.push(Token::Text(rest[1..end].to_owned()));
            rest = &rest[end + 1..];
        } else if end > 0 {
            if !first.is_ascii_digit() && first != '$' {
                tokens.push(Token::Name(rest[..end].to_owned()));
            }
            rest = &rest[end..];
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Sign(first));
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens
}

/// All values that a label has, except events, handlers and secrets.
fn values() -> BTreeSet<&'static str> {
    let hooks = Hooks::builder(router![..])
        .secret("key")
        .build()
        .expect("a receiver");
    let answers = hooks.stats();
    let answers = answers.iter().map(|(name, _)| name);
    answers
        .chain(RunOutcome::ALL.iter().map(|outcome| outcome.as_str()))
        .chain(IncidentKind::ALL.iter().map(|kind| kind.as_str()))
        .chain(StoreOperation::ALL.iter().map(|operation| operation.as_str()))
        .chain(StoreResult::ALL.iter().map(|result| result.as_str()))
        .chain(["none", "other"])
        .collect()
}

/// Checks the names of a query. Returns its metrics.
fn check(query: &str) -> Vec<&'static Metric> {
    let tokens = tokens(query);
    let metric = |name: &str| {
        let found = Metrics::TABLE.iter().find(|metric| of(name, metric).is_some());
        found.unwrap_or_else(|| panic!("not in the table: {name} in {query}"))
    };
    let names = tokens.iter().filter_map(|token| match token {
        Token::Name(name) if name.starts_with("apideck_hooks_") => Some(name.as_str()),
        _ => None,
    });
    let metrics: Vec<_> = names.clone().map(metric).collect();
    let mut allowed: BTreeSet<_> = ADDED_BY_PROMETHEUS.iter().copied().collect();
    for name in names {
        allowed.extend(of(name, metric(name)).expect("its labels"));
    }
    let mut inside = false;
    let values = values();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{') => inside = true,
            Token::Sign('}') => inside = false,
            Token::Name(name) if name.starts_with("apideck_hooks_") => {}
            Token::Name(name) => {
                let grouped = matches!(tokens.get(at + 1), Some(Token::Sign(',' | ')')));
                if inside || grouped {
                    assert!(allowed.contains(name.as_str()), "not a label: {name} in {query}");
                } else {
                    assert!(WORDS.contains(&name.as_str()), "not a word: {name} in {query}");
                }
            }
            Token::Text(text) if !text.starts_with('$') => {
                for value in text.split('|') {
                    assert!(values.contains(value), "not a value: {value} in {query}");
                }
            }
            Token::Text(_) | Token::Sign(_) => {}
        }
    }
    metrics
}

/// Returns the queries of the dashboard with their legends.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array());
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    targets
        .flatten()
        .map(|target| (text(&target["expr"]), text(&target["legendFormat"])))
        .collect()
}

fn rules() -> Vec<&'static str> {
    let lines = ALERTS.lines();
    lines
        .filter_map(|line| line.trim().strip_prefix("expr: "))
        .collect()
}

#[test]
fn the_dashboard_shows_every_metric_and_nothing_else() {
    let mut shown = BTreeSet::new();
    for (query, legend) in panels() {
        let metrics = check(&query);
        shown.extend(metrics.iter().map(|metric| metric.name));
        for label in legend.split("{{").skip(1) {
            let label = label.split("}}").next().expect("a label");
            let grouped = query.contains(&format!("{label})")) || query.contains(&format!("{label},"));
            assert!(grouped, "{label} is not a label of {query}");
        }
    }
    let all: BTreeSet<_> = Metrics::TABLE.iter().map(|metric| metric.name).collect();
    assert_eq!(shown, all);
}

#[test]
fn the_alerts_use_only_metrics_of_the_table() {
    let rules = rules();
    assert_eq!(rules.len(), ALERTS.matches("- alert:").count());
    for rule in &rules {
        assert!(!check(rule).is_empty(), "{rule}");
    }
    let rules = rules.join("\n");
    for needed in [
        "late_attempts_total",
        "dead_letters_total",
        "dead_letters_waiting",
        "result!=\"ok\"",
        "outcome=\"unauthorized\"",
        "ready == 0",
        "verified_total[1d])) == 0",
    ] {
        assert!(rules.contains(needed), "no alert on {needed}");
    }
}

#[test]
#[should_panic(expected = "not in the table: apideck_hooks_requests_total")]
fn another_metric_is_noticed() {
    check("sum(rate(apideck_hooks_requests_total[5m]))");
}

#[test]
#[should_panic(expected = "not a label: event")]
fn a_label_of_another_metric_is_noticed() {
    check("sum by (event) (rate(apideck_hooks_late_attempts_total[5m]))");
}

#[test]
#[should_panic(expected = "not a value: unauthorised")]
fn a_value_that_does_not_exist_is_noticed() {
    check("apideck_hooks_deliveries_total{outcome=\"unauthorised\"}");
}
