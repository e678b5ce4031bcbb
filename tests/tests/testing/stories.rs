//! The deliveries of one event in Apideck's way, and many at once.

use super::{EVENT, message};
use apideck_hooks::Rest;
use apideck_hooks::testing::{Apideck, Event};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use std::time::Duration;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[tokio::test(start_paused = true)]
async fn an_event_is_delivered_until_it_is_acknowledged() {
    let probe = Probe::new([Step::Fail, Step::Panic, Step::Fail]);
    let apideck = Apideck::new(probe.hooks().build().unwrap(), SECRET);
    let event = Event::new(EVENT);
    let story = apideck.deliver(&event).await;
    story.assert_acknowledged().assert_handled().assert_deliveries(4);
    assert_eq!(story.duration(), minutes(3 + 5 + 10));
    let runs = probe.runs();
    let counts: Vec<_> = runs.iter().map(|run| run.execution_attempt.unwrap()).collect();
    assert_eq!(counts, [1, 2, 3, 4]);
    assert!(
        runs.iter()
            .all(|run| run.idempotency_key.as_deref() == event.idempotency_key())
    );
    assert!(runs.iter().all(|run| run.event_id.as_deref() == event.event_id()));
    assert_eq!(story[0].error(), Some("secret-reason"));
    let text = message(|| story.assert_given_up());
    assert!(text.contains("after 18m") && text.contains("scripted"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn apideck_gives_up_after_ten_deliveries() {
    let probe = Probe::new([const { Step::Fail }; 20]);
    let hooks = probe.hooks().max_attempts(20).build().unwrap();
    let story = Apideck::new(hooks, SECRET).deliver(&Event::new(EVENT)).await;
    story.assert_given_up().assert_deliveries(10);
    assert_eq!(story.duration(), minutes(48 + 27 * 60));
    message(|| story.assert_acknowledged());
    message(|| story.assert_deliveries(9));
}

#[tokio::test(start_paused = true)]
async fn a_story_begins_at_the_count_of_its_event() {
    let probe = Probe::new([const { Step::Fail }; 20]);
    let hooks = probe.hooks().store(Spy::with_letters()).build().unwrap();
    let apideck = Apideck::new(hooks, SECRET);
    // The ninth delivery can be the last one, so it leaves a dead letter.
    let story = apideck.deliver(&Event::new(EVENT).attempt(8)).await;
    story.assert_dead_lettered().assert_deliveries(2);
    assert_eq!(story.duration(), minutes(8 * 60));
    apideck
        .deliver(&Event::new(EVENT).attempt(u32::MAX))
        .await
        .assert_deliveries(1);
}

#[tokio::test]
async fn a_clock_that_is_not_paused_is_refused_with_advice() {
    let apideck = Apideck::new(Probe::default().hooks().build().unwrap(), SECRET);
    let text = message(|| apideck.deliver(&Event::new(EVENT)));
    assert!(
        text.contains("start_paused = true") && text.contains("without_waiting"),
        "{text}"
    );
}

#[tokio::test]
async fn a_story_without_waiting_takes_no_time() {
    let probe = Probe::new([Step::Fail, Step::Fail]);
    let hooks = probe.hooks().rest(Rest::None).build().unwrap();
    let apideck = Apideck::new(hooks, SECRET).without_waiting();
    apideck
        .deliver(&Event::new(EVENT))
        .await
        .assert_handled()
        .assert_deliveries(3);
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_delivered_unchanged() {
    let secret = apideck_hooks::Secret::new(SECRET).unwrap();
    let event = Event::new(EVENT).set_new("entity.recorded", true);
    let recorded = event.headers(&secret);
    let recorded = recorded
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    let event = Event::from_json(event.body()).unwrap().exact(recorded);
    let probe = Probe::new([Step::Fail]);
    // With another secret, which the signature of a recording does not come from.
    let apideck = Apideck::new(probe.hooks().build().unwrap(), "another");
    apideck
        .deliver(&event)
        .await
        .assert_handled()
        .assert_deliveries(2);
    let bodies: Vec<_> = probe.runs().into_iter().map(|run| run.body).collect();
    assert_eq!(bodies, [event.body(), event.body()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_one_run() {
    let probe = Probe::new([Step::Sleep(Duration::from_millis(20), Box::new(Step::Succeed))]);
    let apideck = Apideck::new(probe.patient_hooks().build().unwrap(), SECRET);
    let storm = apideck.storm(&Event::new(EVENT), 50).await;
    storm.assert_handled_once();
    assert_eq!((storm.len(), storm.runs(), probe.count()), (50, 1, 1));
}

#[tokio::test]
async fn a_storm_that_ran_twice_or_failed_is_noticed() {
    let probe = Probe::new([Step::Fail, Step::Fail]);
    let apideck = Apideck::new(probe.hooks().rest(Rest::None).build().unwrap(), SECRET);
    let storm = apideck.storm(&Event::new(EVENT), 2).await;
    let text = message(|| storm.assert_handled_once());
    assert!(
        text.contains("expected one run of 2 deliveries, found 2"),
        "{text}"
    );
    message(|| storm.assert_acknowledged());
}

#[tokio::test]
async fn a_seed_gives_the_same_events() {
    let made = || {
        let apideck = Apideck::new((), SECRET).seeded(7);
        [(); 2].map(|()| apideck.event("crm.lead.created").body())
    };
    assert_eq!(made(), made());
    assert_ne!(made()[0], made()[1]);
    message(|| Apideck::new((), SECRET).event("crm.lead.creatd"));
    message(|| Apideck::new((), ""));
    message(|| Apideck::new((), SECRET).path("no path"));
}
