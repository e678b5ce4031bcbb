//! The metrics of a test's thread, as an exporter for Prometheus shows them.

use super::EVENT;
use apideck_hooks::Metrics;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::fixtures;
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::scrape::Scrape;
use apideck_hooks_tests::spy::Spy;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::cell::OnceCell;

/// Returns the exporter of this thread. A test has a thread of its own, and its tasks run there.
pub(super) fn exporter() -> PrometheusHandle {
    thread_local! {
        static EXPORTER: OnceCell<PrometheusHandle> = const { OnceCell::new() };
    }
    EXPORTER.with(|exporter| {
        exporter
            .get_or_init(|| {
                let mut builder = PrometheusBuilder::new();
                for metric in Metrics::TABLE {
                    if !metric.buckets.is_empty() {
                        let name = Matcher::Full(metric.name.to_owned());
                        builder = builder
                            .set_buckets_for_metric(name, metric.buckets)
                            .expect("buckets");
                    }
                }
                // It lives as long as the thread.
                let recorder = Box::leak(Box::new(builder.build_recorder()));
                std::mem::forget(metrics::set_default_local_recorder(recorder));
                recorder.handle()
            })
            .clone()
    })
}

fn scrape() -> Scrape {
    Scrape::read(&exporter().render())
}

/// A late delivery of an event.
fn attempt(id: &str, execution_attempt: u32) -> Delivery {
    let body = fixtures::body(EVENT, id);
    Delivery::of(body.replace(
        "\"execution_attempt\":1",
        &format!("\"execution_attempt\":{execution_attempt}"),
    ))
}

const LATE: &str = "apideck_hooks_late_attempts_total";
const AGE: &str = "apideck_hooks_event_age_seconds";

#[tokio::test(start_paused = true)]
async fn counters_of_alerts_begin_with_0() {
    exporter();
    let _metrics = Metrics::new();
    let scrape = scrape();
    scrape.has_only(Metrics::TABLE);
    assert!(scrape.samples.iter().all(|sample| sample.value == 0.0));
    for (name, labels) in [
        (LATE, None),
        ("apideck_hooks_dead_letters_total", None),
        ("apideck_hooks_incidents_total", Some(("kind", "last_refused"))),
        (
            "apideck_hooks_deliveries_total",
            Some(("outcome", "unauthorized")),
        ),
        ("apideck_hooks_store_calls_total", Some(("result", "timed_out"))),
        ("apideck_hooks_verified_total", Some(("form", "sorted"))),
    ] {
        assert_eq!(scrape.sum(name, labels.as_slice()), Some(0.0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_failure_of_apidecks_seventh_attempt_or_later_is_late() {
    exporter();
    let probe = Probe::new([Step::Fail, Step::Fail, Step::Refuse, Step::Succeed]);
    let hooks = probe.hooks().store(Spy::with_letters()).observe(Metrics::new());
    let hooks = hooks.build().expect("a receiver");
    for (id, execution_attempt, status, late) in [
        ("e1", 6, 500, 0.0),
        ("e2", 7, 500, 1.0),
        // It rests.
        ("e2", 8, 503, 2.0),
        // A dead letter that is kept is no failure for Apideck.
        ("e3", 9, 200, 2.0),
        ("e4", 10, 200, 2.0),
    ] {
        let reply = attempt(id, execution_attempt).call(&hooks).await;
        assert_eq!(reply.status, status, "{id}");
        assert_eq!(scrape().sum(LATE, &[]), Some(late), "{id}");
    }
    // A stranger who has no key cannot raise the alarm.
    attempt("e5", 9).signature(&"0".repeat(64)).call(&hooks).await;
    assert_eq!(scrape().sum(LATE, &[]), Some(2.0));
    assert_eq!(scrape().sum("apideck_hooks_dead_letters_total", &[]), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn an_event_of_the_future_has_the_age_0() {
    exporter();
    let hooks = Probe::default().hooks().observe(Metrics::new());
    let hooks = hooks.build().expect("a receiver");
    let of = |time: &str, id: &str| {
        let body = fixtures::body(EVENT, id).replace("2021-10-01", time);
        Delivery::of(body)
    };
    of("2221-10-01", "e1").call(&hooks).await;
    assert_eq!(
        scrape().sum(&format!("{AGE}_sum"), &[("outcome", "handled")]),
        Some(0.0)
    );
    of("2021-10-01", "e2").call(&hooks).await;
    let age = scrape().sum(&format!("{AGE}_sum"), &[("outcome", "handled")]);
    assert!(age.is_some_and(|seconds| seconds > 150_000_000.0), "{age:?}");
    assert_eq!(scrape().sum(&format!("{AGE}_bucket"), &[("le", "1")]), Some(1.0));
    assert_eq!(scrape().sum(&format!("{AGE}_count"), &[]), Some(2.0));
}

/// Names that this release does not list, bodies that are not events, and any header make no label.
#[tokio::test(start_paused = true)]
async fn senders_make_no_labels() {
    let (_log, _guard) = Log::capture();
    exporter();
    let hooks = Probe::default().hooks().observe(Metrics::new());
    let hooks = hooks.build().expect("a receiver");
    for n in 0..100 {
        let name = format!("crm.thing{n}.created");
        Delivery::event(&name, &format!("e{n}")).call(&hooks).await;
        Delivery::of(format!("{{\"n\":{n}}}")).call(&hooks).await;
        Delivery::event(&name, "e").signature(&name).call(&hooks).await;
    }
    let scrape = scrape();
    scrape.has_only(Metrics::TABLE);
    assert_eq!(
        scrape.values("apideck_hooks_deliveries_total", "event"),
        ["none", "other"]
    );
    assert_eq!(scrape.sum("apideck_hooks_deliveries_total", &[]), Some(300.0));
    assert_eq!(scrape.values("apideck_hooks_runs_total", "handler").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_gauges_are_those_of_the_snapshot() {
    exporter();
    let probe = Probe::new([Step::Gate(Box::new(Step::Refuse))]);
    let hooks = probe.hooks().store(Spy::with_letters()).observe(Metrics::new());
    let hooks = hooks.build().expect("a receiver");
    let gauges = async |hooks: &apideck_hooks::Hooks| {
        Metrics::update(&hooks.snapshot().await);
        let scrape = scrape();
        ["in_flight", "waiting", "dead_letters_waiting", "ready"].map(|name| {
            scrape
                .sum(&format!("apideck_hooks_{name}"), &[])
                .expect("a gauge")
        })
    };
    let of = |hooks: &apideck_hooks::Hooks| {
        let hooks = hooks.clone();
        tokio::spawn(async move { Delivery::event(EVENT, "e1").call(&hooks).await })
    };
    let running = of(&hooks);
    probe.started().await;
    let duplicate = of(&hooks);
    while hooks.snapshot().await.waiting == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(gauges(&hooks).await, [1.0, 1.0, 0.0, 1.0]);
    probe.open();
    running.await.expect("no panic");
    duplicate.await.expect("no panic");
    hooks.shutdown(std::time::Duration::from_secs(1)).await;
    assert_eq!(gauges(&hooks).await, [0.0, 0.0, 1.0, 0.0]);
    let without_letters = Probe::default().hooks().build().expect("a receiver");
    assert!(gauges(&without_letters).await[2].is_nan());
}
