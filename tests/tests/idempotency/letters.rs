//! Dead letters by hand: lists, replays, purges.

use super::{EVENT, rest, secs, state};
use apideck_hooks::store::{Claim, LetterFilter, Purged, RecordState, Store};
use apideck_hooks::testing::Event;
use apideck_hooks::{Disposition, Hooks, ReplayAll, Rest, Why};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::stranger::StrangerStore;
use std::sync::Arc;
use tokio::time::sleep;

async fn dead_lettered(hooks: &Hooks, spy: &Spy, id: &str) -> apideck_hooks::store::Key {
    event(EVENT, id).call(hooks).await.assert_dead_lettered();
    spy.last_claim().record
}

#[tokio::test(start_paused = true)]
async fn case_13_a_replay_tells_an_outcome_that_is_true_of_the_store() {
    let steps = [Step::Refuse, Step::Fail, Step::Panic, Step::Ignore];
    let (probe, spy) = (Probe::new(steps), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let record = dead_lettered(&hooks, &spy, "e1").await;
    let letters = hooks.dead_letters().unwrap();
    for attempts in [2, 3] {
        let replayed = letters.replay(record).await.unwrap();
        assert_eq!(replayed.disposition, Disposition::DeadLettered);
        assert!(replayed.error.unwrap().contains("secret-reason"));
        assert_eq!(state(&spy).await, (RecordState::Dead, attempts));
    }
    let replayed = letters.replay(record).await.unwrap();
    assert_eq!(
        (replayed.disposition, replayed.error),
        (Disposition::Ignored, None)
    );
    assert_eq!(state(&spy).await, (RecordState::Done, 4));
    let replayed = letters.replay(record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::Duplicate);
    assert_eq!(probe.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn case_34_two_replays_at_once_are_one_run() {
    let gate = |step| Step::Gate(Box::new(step));
    for step in [Step::Fail, Step::Succeed] {
        let (probe, spy) = (Probe::new([Step::Refuse, gate(step)]), Spy::with_letters());
        let hooks = probe.hooks().store(spy.clone()).build().unwrap();
        let record = dead_lettered(&hooks, &spy, "e1").await;
        let letters = hooks.dead_letters().unwrap();
        probe.started().await;
        let (one, (two, delivery)) = tokio::join!(letters.replay(record), async {
            probe.started().await;
            let two = letters.replay(record).await;
            let delivery = event(EVENT, "e1").call(&hooks).await;
            assert_eq!(letters.purge(record).await.unwrap(), Purged::Busy);
            probe.open();
            (two, delivery)
        });
        // The letter stays meanwhile.
        delivery.assert_duplicate();
        let (one, two) = (one.unwrap(), two.unwrap());
        let Disposition::Later { why, .. } = two.disposition else {
            panic!("{two:?}")
        };
        assert_eq!(why, Why::Running);
        let left = letters.get(record).await.unwrap().is_some();
        assert_eq!(left, one.disposition == Disposition::DeadLettered);
        assert_eq!(probe.count(), 2);
    }
}

/// A replay whose lease ended during its run tells what became of the letter by another one.
#[tokio::test(start_paused = true)]
async fn case_13_a_superseded_replay_tells_what_is_true_of_the_store() {
    let gated = || Step::Gate(Box::new(Step::Succeed));
    for (step, expected) in [
        (Step::Succeed, "duplicate"),
        (Step::Refuse, "dead_lettered"),
        (gated(), "running"),
    ] {
        let stalled = Step::Sleep(secs(40), Box::new(Step::Refuse));
        let (probe, spy) = (Probe::new([Step::Refuse, stalled, step]), Spy::with_letters());
        let hooks = probe.hooks().store(spy.clone()).build().unwrap();
        let record = dead_lettered(&hooks, &spy, "e1").await;
        let letters = hooks.dead_letters().unwrap();
        spy.fail_renewals(true);
        let (stalled, _) = tokio::join!(
            async {
                let replayed = letters.replay(record).await.unwrap();
                let kept = letters.get(record).await.unwrap();
                assert_eq!(replayed.error.is_some(), kept.is_some());
                probe.open();
                replayed
            },
            async {
                sleep(secs(31)).await;
                letters.replay(record).await.unwrap()
            }
        );
        assert_eq!((stalled.disposition.as_str(), probe.count()), (expected, 3));
    }
}

/// The letter was kept when the replay was refused, and is gone when its outcome is told.
#[tokio::test(start_paused = true)]
async fn a_replay_beside_one_that_succeeds_is_a_duplicate() {
    let running = Step::Sleep(secs(10), Box::new(Step::Succeed));
    let (probe, spy) = (Probe::new([Step::Refuse, running]), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let record = dead_lettered(&hooks, &spy, "e1").await;
    let letters = hooks.dead_letters().unwrap();
    let (first, second) = tokio::join!(letters.replay(record), async {
        sleep(secs(5)).await;
        spy.slow_letters(secs(4));
        letters.replay(record).await
    });
    assert_eq!(first.unwrap().disposition, Disposition::Handled);
    assert_eq!(second.unwrap().disposition, Disposition::Duplicate);
    assert_eq!(probe.count(), 2);
}

/// Nobody can tell then if another run has settled the event.
#[tokio::test(start_paused = true)]
async fn a_superseded_replay_is_not_settled_if_its_letter_cannot_be_read() {
    let stalled = Step::Sleep(secs(40), Box::new(Step::Refuse));
    let (probe, spy) = (
        Probe::new([Step::Refuse, stalled, Step::Refuse]),
        Spy::with_letters(),
    );
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let record = dead_lettered(&hooks, &spy, "e1").await;
    let letters = hooks.dead_letters().unwrap();
    spy.fail_renewals(true);
    let (stalled, _) = tokio::join!(letters.replay(record), async {
        sleep(secs(31)).await;
        let other = letters.replay(record).await.unwrap();
        assert_eq!(other.disposition, Disposition::DeadLettered);
        spy.fail_letters_after(0);
    });
    let stalled = stalled.unwrap();
    assert_eq!(stalled.disposition.as_str(), "store_failed");
    assert!(stalled.error.unwrap().contains("injected fault"));
}

/// The letter keeps the event, so a delivery that was superseded need not be refused.
#[tokio::test(start_paused = true)]
async fn a_superseded_delivery_is_a_duplicate_while_its_letter_is_replayed() {
    let stalled = Step::Sleep(secs(40), Box::new(Step::Fail));
    let replayed = Step::Gate(Box::new(Step::Succeed));
    let (probe, spy) = (Probe::new([stalled, Step::Refuse, replayed]), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).rest(Rest::None).build().unwrap();
    spy.fail_renewals(true);
    let delivery = event(EVENT, "e1");
    let (superseded, replayed) = tokio::join!(
        async {
            let reply = delivery.call(&hooks).await;
            probe.open();
            reply
        },
        async {
            sleep(secs(31)).await;
            let record = dead_lettered(&hooks, &spy, "e1").await;
            hooks.dead_letters().unwrap().replay(record).await.unwrap()
        }
    );
    superseded.assert_duplicate();
    assert_eq!((replayed.disposition, probe.count()), (Disposition::Handled, 3));
}

/// The letter is only in the store, so `fail_open` cannot help.
#[tokio::test(start_paused = true)]
async fn a_replay_does_not_run_without_the_store() {
    let store = Arc::new(StrangerStore::default());
    let (probe, spy) = (Probe::new([Step::Refuse]), Spy::over(store.clone()));
    let hooks = probe.hooks().store(spy.clone()).fail_open(true).build().unwrap();
    let record = dead_lettered(&hooks, &spy, "e1").await;
    store.fail_replays(true);
    let letters = hooks.dead_letters().unwrap();
    let replayed = letters.replay(record).await.unwrap();
    let Disposition::Later { why, .. } = replayed.disposition else {
        panic!("{replayed:?}")
    };
    assert_eq!((why, probe.count()), (Why::Store, 1));
}

/// Nobody runs the handler, so the claim is taken back, and the letter can be replayed at once.
#[tokio::test(start_paused = true)]
async fn a_replay_whose_claim_was_granted_without_an_answer_is_taken_back() {
    let store = Arc::new(StrangerStore::default());
    let (probe, spy) = (Probe::new([Step::Refuse]), Spy::over(store.clone()));
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let record = dead_lettered(&hooks, &spy, "e1").await;
    store.lose_replay_response();
    let letters = hooks.dead_letters().unwrap();
    let replayed = letters.replay(record).await.unwrap();
    assert!(matches!(replayed.disposition, Disposition::Later { .. }));
    assert!(letters.get(record).await.unwrap().unwrap().running);
    sleep(secs(1)).await;
    let dead = letters.get(record).await.unwrap().unwrap();
    assert_eq!((dead.running, dead.attempts, probe.count()), (false, 1, 1));
}

/// A captured body cannot run what an operator threw away.
#[tokio::test(start_paused = true)]
async fn case_34_a_purged_event_runs_no_more() {
    let (probe, spy) = (Probe::new([Step::Refuse]), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let record = dead_lettered(&hooks, &spy, "e1").await;
    let letters = hooks.dead_letters().unwrap();
    assert_eq!(letters.purge(record).await.unwrap(), Purged::Yes);
    for _ in 0..2 {
        assert_eq!(letters.purge(record).await.unwrap(), Purged::Unknown);
    }
    event(EVENT, "e1").call(&hooks).await.assert_duplicate();
    assert_eq!((probe.count(), hooks.stats().purged), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn case_39_without_room_for_a_letter_nothing_is_acknowledged() {
    let store = Arc::new(StrangerStore::default());
    store.set_letters_full(true);
    let probe = Probe::new([Step::Refuse, Step::Refuse]);
    let hooks = probe.hooks().store(Arc::clone(&store)).build().unwrap();
    let delivery = event(EVENT, "e1");
    delivery.call(&hooks).await.assert_status(503);
    let stats = hooks.stats();
    assert_eq!((stats.letters_full, stats.dead_letters), (1, 0));
    store.set_letters_full(false);
    rest().await;
    delivery.call(&hooks).await.assert_dead_lettered();
    assert_eq!(probe.runs()[1].attempt, 2);
}

/// A claim that began no run does not count, also if the dead letter has no room.
#[tokio::test(start_paused = true)]
async fn case_39_attempts_that_are_used_up_are_counted_once() {
    let (store, probe) = (Arc::new(StrangerStore::default()), Probe::default());
    let (delivery, elsewhere) = (event(EVENT, "e1"), Spy::default());
    let hooks = probe.hooks().store(elsewhere.clone()).build().unwrap();
    delivery.call(&hooks).await.assert_handled();
    let record = elsewhere.last_claim().record;
    // The same record in this store, claimed and abandoned twice.
    for _ in 0..2 {
        store.claim(Claim::new(record, secs(1))).await.unwrap();
        sleep(secs(2)).await;
    }
    store.set_letters_full(true);
    let hooks = probe.hooks().store(Arc::clone(&store)).max_attempts(2);
    let hooks = hooks.build().unwrap();
    for _ in 0..3 {
        delivery.call(&hooks).await.assert_status(503);
        assert_eq!(store.status(record).await.unwrap().attempts, 2);
    }
    assert_eq!(hooks.stats().letters_full, 3);
    store.set_letters_full(false);
    delivery.call(&hooks).await.assert_dead_lettered();
    let status = store.status(record).await.unwrap();
    assert_eq!(
        (probe.count(), status.state, status.attempts),
        (1, RecordState::Dead, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn case_30_a_receiver_sees_the_letters_of_its_own_source() {
    let store = Arc::new(StrangerStore::default());
    let (probe, other) = (Probe::new([Step::Refuse]), Probe::default());
    let theirs = Spy::over(store.clone());
    let billing = probe
        .hooks()
        .store(theirs.clone())
        .source("billing")
        .build()
        .unwrap();
    let sales = other.hooks().store(store).source("sales").build().unwrap();
    let record = dead_lettered(&billing, &theirs, "e1").await;
    let letters = sales.dead_letters().unwrap();
    assert_eq!(letters.count(&LetterFilter::new()).await.unwrap(), 0);
    assert_eq!(letters.get(record).await.unwrap(), None);
    let replayed = letters.replay(record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::Duplicate);
    assert_eq!(letters.purge(record).await.unwrap(), Purged::Unknown);
    assert_eq!(letters.sources().await.unwrap(), [("billing".to_owned(), 1)]);
    assert_eq!(other.count(), 0);
    let replayed = letters.of("billing").replay(record).await.unwrap();
    assert_eq!((replayed.disposition, other.count()), (Disposition::Handled, 1));
    let letters = billing.dead_letters().unwrap();
    assert_eq!(letters.count(&LetterFilter::new()).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn many_letters_are_replayed_up_to_a_cap_or_only_shown() {
    let (probe, spy) = (Probe::new((0..5).map(|_| Step::Refuse)), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let mut records = Vec::new();
    for n in 0..5 {
        records.push(dead_lettered(&hooks, &spy, &format!("e{n}")).await);
    }
    let letters = hooks.dead_letters().unwrap();
    let all = || ReplayAll::new(LetterFilter::new().event_type(EVENT));
    assert_eq!(letters.count(&LetterFilter::new()).await.unwrap(), 5);
    let shown = letters.replay_all(all().dry_run()).await.unwrap();
    assert_eq!(shown.len(), 5);
    assert!(shown.iter().all(|(_, replayed)| replayed.is_none()));
    assert_eq!(probe.count(), 5);
    // The store gives two letters a page.
    let replayed = letters.replay_all(all().at_most(3)).await.unwrap();
    assert_eq!(replayed.len(), 3);
    for (_, replayed) in replayed {
        assert_eq!(replayed.unwrap().disposition, Disposition::Handled);
    }
    let none = ReplayAll::new(LetterFilter::new().event_type("vault.connection.created"));
    assert!(letters.replay_all(none).await.unwrap().is_empty());
    assert_eq!(letters.replay_all(all()).await.unwrap().len(), 2);
    assert_eq!(
        (probe.count(), letters.count(&LetterFilter::new()).await.unwrap()),
        (10, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_refused_during_a_shutdown_and_keeps_its_letter() {
    let (probe, spy) = (Probe::new([Step::Refuse]), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let record = dead_lettered(&hooks, &spy, "e1").await;
    hooks.shutdown(secs(1)).await;
    let replayed = hooks.dead_letters().unwrap().replay(record).await.unwrap();
    let Disposition::Later { why, .. } = replayed.disposition else {
        panic!("{replayed:?}")
    };
    assert_eq!(why, Why::ShuttingDown);
    assert!(replayed.error.unwrap().contains("secret-reason"));
}

/// A letter tells its event, consumer and context to an operator, and its body to the handler.
#[tokio::test(start_paused = true)]
async fn a_letter_names_its_event() {
    let (probe, spy) = (Probe::new([Step::Refuse]), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).source("s").build().unwrap();
    let example = apideck_hooks_tests::fixtures::example(EVENT);
    let delivery = Event::from_json(example).unwrap();
    delivery.call(&hooks).await.assert_dead_lettered();
    let letters = hooks.dead_letters().unwrap();
    let dead = letters.get(spy.last_claim().record).await.unwrap().unwrap();
    let json: serde_json::Value = serde_json::from_str(example).unwrap();
    let payload = &json["payload"];
    assert_eq!(dead.letter.event_type, EVENT);
    assert_eq!(dead.letter.event_id, payload["event_id"].as_str().unwrap());
    assert_eq!(dead.letter.entity_id, payload["entity_id"].as_str().unwrap());
    assert_eq!(
        dead.letter.consumer_id,
        payload["entity"]["consumer_id"].as_str().unwrap()
    );
    assert_eq!(dead.letter.source, "s");
    assert_eq!(dead.letter.body, delivery.body());
}
