//! Ten thousand random requests: none is left out of the counts, and none is counted twice.

use super::EVENT;
use super::recorder::Recorder;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

const REQUESTS: u64 = 10_000;

/// A request of any kind, and whether its client leaves after the first poll.
fn request() -> impl Strategy<Value = (Delivery, bool)> {
    let kind = select(vec![
        "good",
        "good",
        "good",
        "unsigned",
        "forged",
        "get",
        "large",
        "contradicting",
    ]);
    (kind, 0..400u32, any::<bool>()).prop_map(|(kind, event, leaves)| {
        let delivery = Delivery::event(EVENT, &format!("e{event}"));
        let delivery = match kind {
            "unsigned" => delivery.without("x-apideck-signature"),
            "forged" => delivery.signature(&"0".repeat(64)),
            "get" => Delivery {
                method: http::Method::GET,
                ..delivery
            },
            "large" => Delivery::of(vec![b' '; 10_001]),
            "contradicting" => delivery.header("x-apideck-event-type", "crm.lead.created"),
            _ => delivery,
        };
        (delivery, leaves)
    })
}

fn step() -> impl Strategy<Value = Step> {
    let slow = |step| Step::Sleep(Duration::from_millis(10), Box::new(step));
    let end = select(vec![
        Step::Succeed,
        Step::Fail,
        Step::Refuse,
        Step::Ignore,
        Step::Panic,
    ]);
    (end, any::<bool>()).prop_map(move |(end, waits)| if waits { slow(end) } else { end })
}

#[tokio::test(start_paused = true)]
async fn requests_are_the_sum_of_all_answers() {
    let mut random = TestRunner::default();
    let script: Vec<_> = (0..REQUESTS)
        .map(|_| step().new_tree(&mut random).expect("a step").current())
        .collect();
    let recorder = Recorder::default();
    let hooks = Probe::new(script)
        .hooks()
        .store(Spy::with_letters())
        .body_limit(10_000);
    let hooks = hooks.observe(recorder.clone()).build().expect("a receiver");
    for _ in 0..REQUESTS {
        let (delivery, leaves) = request().new_tree(&mut random).expect("a request").current();
        if leaves {
            let mut response = Box::pin(hyper::service::Service::call(&hooks, delivery.request()));
            let _ = response.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        } else {
            delivery.call(&hooks).await;
        }
    }
    // Runs whose client has left.
    hooks.shutdown(Duration::from_secs(3600)).await;
    let stats = hooks.stats();
    assert_eq!(
        (stats.requests, recorder.count("answered ")),
        (REQUESTS, REQUESTS),
        "{stats:?}"
    );
    assert_eq!(
        (stats.runs, stats.runs),
        (recorder.count("started "), recorder.count("ended "))
    );
    for (name, count) in stats.iter() {
        let told =
            recorder.count(&format!("answered {name} ")) + recorder.count(&format!("incident {name} "));
        let run = name
            .strip_prefix("runs_")
            .map(|outcome| format!("ended {outcome} "));
        let told = run.map_or(told, |begin| recorder.count(&begin));
        assert!(
            told == count || ["requests", "runs"].contains(&name),
            "{name}: told {told}, {stats:?}"
        );
    }
    for needed in [
        stats.handled,
        stats.abandoned,
        stats.duplicate,
        stats.resting,
        stats.panics,
        stats.wrong_method,
    ] {
        assert!(needed > 0, "a kind of request never came: {stats:?}");
    }
}
