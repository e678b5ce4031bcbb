//! The order of the events of an entity.

use crate::world::{EVENT, Entry, RunLog, Working, inbox_file, of_entity, quick, stats, until_idle};
use apideck_hooks::store::LetterFilter;
use apideck_hooks::testing::Event;
use apideck_hooks::{Disposition, Hooks, Order, Retry, Workers};
use apideck_hooks_tests::kit::Deliver;
use apideck_hooks_tests::size::sized;
use apideck_hooks_tests::waiting::until;
use std::collections::HashMap;
use std::time::Duration;

/// An event of an entity at this second.
fn of(entity: &str, second: u32, kind: &str) -> Event {
    of_entity(EVENT, &format!("{kind}-{entity}-{second}"), entity, second)
}

fn ordered() -> Workers {
    quick().order(Order::PerEntity)
}

async fn accept(hooks: &Hooks, events: &[Event]) {
    for event in events {
        event.call(hooks).await.assert_accepted();
    }
}

fn ids(log: &RunLog) -> Vec<String> {
    log.begun().into_iter().map(|(id, _)| id).collect()
}

/// They are run by their own times, and not in the order of arrival.
#[tokio::test]
async fn inbox_08_events_of_an_entity_run_in_the_order_of_their_times() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    let events = [5, 1, 4, 2, 3].map(|second| of("a", second, "good"));
    accept(&hooks, &events).await;
    let _workers = Working::begin(&hooks, ordered());
    until_idle(&hooks).await;
    assert_eq!(
        ids(&log),
        ["good-a-1", "good-a-2", "good-a-3", "good-a-4", "good-a-5"]
    );
}

#[tokio::test]
async fn inbox_08_a_failing_head_holds_its_lane_and_no_other_one() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    accept(
        &hooks,
        &[of("a", 1, "flaky"), of("a", 2, "fail"), of("a", 3, "good")],
    )
    .await;
    accept(&hooks, &[of("b", 1, "good")]).await;
    let slow = Retry::exponential(Duration::from_secs(100_000)).attempts(2);
    let workers = Working::begin(&hooks, ordered().retry(slow));
    log.until_begun(2).await;
    until("both have ended", async || {
        let left = stats(&hooks).await;
        (left.waiting, left.running) == (3, 0)
    })
    .await;
    assert!(log.count("flaky-a-1") == 1 && log.count("good-b-1") == 1);
    drop(workers);
    // A head that succeeds, and one that is a dead letter, free the lane.
    let _workers = Working::begin(&hooks, ordered());
    let waiting = hooks.inbox().list(&LetterFilter::new(), None, 10).await.unwrap();
    let head = waiting.iter().find(|waiting| waiting.attempts == 1).unwrap();
    assert!(hooks.end_rest(head.record).await.unwrap());
    until_idle(&hooks).await;
    let of_lane: Vec<_> = ids(&log).into_iter().filter(|id| id.contains("-a-")).collect();
    let fails = vec!["fail-a-2"; 5];
    let expected = [vec!["flaky-a-1", "flaky-a-1"], fails, vec!["good-a-3"]].concat();
    assert_eq!(of_lane, expected);
}

#[tokio::test]
async fn inbox_08_an_earlier_event_that_arrives_late_becomes_the_head() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    let _workers = Working::begin(&hooks, ordered());
    accept(&hooks, &[of("a", 5, "hold")]).await;
    log.until_begun(1).await;
    // Both arrive while the later one runs.
    accept(&hooks, &[of("a", 6, "good"), of("a", 1, "good")]).await;
    assert_eq!(stats(&hooks).await.waiting, 2);
    log.open(1);
    until_idle(&hooks).await;
    assert_eq!(ids(&log), ["hold-a-5", "good-a-1", "good-a-6"]);
}

/// Checks that the runs of each entity follow each other.
fn check(log: &RunLog) {
    let mut running: HashMap<String, String> = HashMap::new();
    let mut last: HashMap<String, u32> = HashMap::new();
    for entry in log.entries() {
        let (begun, id) = match entry {
            Entry::Begun(id, _) => (true, id),
            Entry::Ended(id, _) => (false, id),
        };
        let mut parts = id.split('-').skip(1);
        let entity = parts.next().unwrap().to_owned();
        let second: u32 = parts.next().unwrap().parse().unwrap();
        if begun {
            assert_eq!(
                running.insert(entity.clone(), id),
                None,
                "two of {entity} run at once"
            );
            let before = last.insert(entity.clone(), second);
            assert!(
                before.is_none_or(|before| before <= second),
                "{entity}: {before:?}, then {second}"
            );
        } else {
            assert_eq!(running.remove(&entity).as_deref(), Some(&*id));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_08_workers_that_race_for_lanes_keep_their_order() {
    const LANES: usize = 10;
    let seconds = sized(40) as u32;
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    let both = [(); 2].map(|()| Working::begin(&hooks, ordered().concurrency(8)));
    for second in 1..=seconds {
        for lane in 0..LANES {
            let kind = if (second as usize + lane).is_multiple_of(7) {
                "flaky"
            } else {
                "good"
            };
            accept(&hooks, &[of(&format!("l{lane}"), second, kind)]).await;
        }
    }
    until_idle(&hooks).await;
    check(&log);
    assert_eq!(hooks.stats().runs_handled, (LANES as u64) * u64::from(seconds));
    drop(both);
}

/// A replay takes the lane of its letter for one run.
#[tokio::test]
async fn a_replayed_letter_waits_for_its_lane_and_does_not_hold_it() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    let _workers = Working::begin(&hooks, ordered());
    accept(&hooks, &[of("a", 1, "bad")]).await;
    until_idle(&hooks).await;
    accept(&hooks, &[of("a", 2, "hold")]).await;
    log.until_begun(2).await;
    let letters = hooks.dead_letters().unwrap();
    let letter = letters
        .list(&LetterFilter::new(), None, 1)
        .await
        .unwrap()
        .remove(0);
    let replayed = letters.replay(letter.record).await.unwrap();
    assert!(
        matches!(replayed.disposition, Disposition::Later { .. }),
        "{replayed:?}"
    );
    log.open(1);
    until_idle(&hooks).await;
    let replayed = letters.replay(letter.record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::DeadLettered);
    accept(&hooks, &[of("a", 3, "good")]).await;
    until_idle(&hooks).await;
    assert_eq!(log.count("good-a-3"), 1);
}
