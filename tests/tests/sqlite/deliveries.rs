//! Whole deliveries.

use super::{EVENT, age, microseconds, open};
use apideck_hooks::store::{LetterFilter, RecordState, Store};
use apideck_hooks::testing::Answer;
use apideck_hooks::testing::Event;
use apideck_hooks::{Disposition, Hooks, Rest};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

async fn words(deliveries: &[Event], hooks: &Hooks) -> Vec<String> {
    let mut words = Vec::new();
    for delivery in deliveries {
        words.push(delivery.call(hooks).await.outcome());
    }
    words
}

#[tokio::test]
async fn case_01_case_02_case_11_first_delivery_duplicate_failure_and_second_attempt() {
    let directory = Directory::default();
    let probe = Probe::new([Step::Succeed, Step::Fail, Step::Succeed]);
    let store = open(&directory.file("hooks.db")).await;
    let hooks = probe
        .patient_hooks()
        .rest(Rest::None)
        .store(store)
        .build()
        .unwrap();
    let (one, other) = (event(EVENT, "e1"), event(EVENT, "e2"));
    let sent = [one.clone(), one, other.clone(), other.clone(), other];
    assert_eq!(
        words(&sent, &hooks).await,
        ["handled", "duplicate", "500", "handled", "duplicate"]
    );
    assert_eq!(
        probe.runs().iter().map(|run| run.attempt).collect::<Vec<_>>(),
        [1, 1, 2]
    );
}

#[tokio::test]
async fn case_13_a_dead_letter_survives_a_restart_and_can_be_replayed() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let probe = Probe::new([Step::Refuse, Step::Fail, Step::Succeed]);
    let delivery = event(EVENT, "e1");
    {
        let hooks = probe.patient_hooks().store(open(&file).await).build().unwrap();
        let first = delivery.call(&hooks).await;
        assert_eq!((first.code(), first.outcome().as_str()), (200, "dead_lettered"));
        delivery.call(&hooks).await.assert_duplicate();
    }
    let store = Arc::new(open(&file).await);
    let hooks = probe.patient_hooks().store(Arc::clone(&store)).build().unwrap();
    delivery.call(&hooks).await.assert_duplicate();
    assert_eq!(probe.count(), 1);
    let dead_letters = hooks.dead_letters().unwrap();
    let list = async || dead_letters.list(&LetterFilter::new(), None, 10).await.unwrap();
    let listed = list().await;
    let [dead] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(
        (dead.letter.event_type.as_str(), dead.letter.event_id.as_str()),
        (EVENT, "e1")
    );
    assert_eq!(
        (&*dead.letter.body, dead.attempts),
        (&event(EVENT, "e1").body()[..], 1)
    );
    assert!(
        dead.letter.error.contains("secret-reason"),
        "{}",
        dead.letter.error
    );

    let replay = async || dead_letters.replay(dead.record).await.unwrap().disposition;
    assert_eq!(replay().await, Disposition::DeadLettered);
    assert_eq!(replay().await, Disposition::Handled);
    assert_eq!(replay().await, Disposition::Duplicate);
    assert_eq!(list().await, []);
    delivery.call(&hooks).await.assert_duplicate();
    let runs = probe.runs();
    assert_eq!(runs.iter().map(|run| run.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(runs[2].body, event(EVENT, "e1").body());
    assert_eq!(store.status(dead.record).await.unwrap().state, RecordState::Done);
}

#[tokio::test]
async fn case_16_after_a_restart_done_events_are_duplicates_and_running_ones_are_claimable() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let (done, stuck) = (event(EVENT, "e1"), event(EVENT, "e2"));
    let step = Step::Sleep(Duration::from_secs(3600), Box::new(Step::Succeed));
    let probe = Probe::new([Step::Succeed, step]);
    {
        // This runtime ends in the middle of a run.
        let (probe, file, done, stuck) = (probe.clone(), file.clone(), done.clone(), stuck.clone());
        let runs = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let hooks = probe
                    .patient_hooks()
                    .rest(Rest::Apideck)
                    .store(open(&file).await)
                    .build()
                    .unwrap();
                done.call(&hooks).await.assert_handled();
                probe.started().await;
                let sent = tokio::spawn(async move { stuck.call(&hooks).await });
                probe.started().await;
                drop(sent);
            });
            runtime.shutdown_background();
        });
        runs.join().unwrap();
    }
    let store = Arc::new(open(&file).await);
    let hooks = probe
        .patient_hooks()
        .rest(Rest::Apideck)
        .store(Arc::clone(&store))
        .build()
        .unwrap();
    done.call(&hooks).await.assert_duplicate();
    // A run without an end rests too.
    let resting = stuck.call(&hooks).await;
    assert!(resting.code() == 503 && resting.retry_after().is_some());
    age(&file, microseconds(Duration::from_secs(600))).await;
    stuck.call(&hooks).await.assert_handled();
    let runs = probe.runs();
    assert_eq!(runs.iter().map(|run| run.attempt).collect::<Vec<_>>(), [1, 1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_08_a_thousand_identical_deliveries_are_one_run() {
    let directory = Directory::default();
    let store = open(&directory.file("hooks.db")).await;
    let probe = Probe::new([Step::Sleep(Duration::from_millis(300), Box::new(Step::Succeed))]);
    let hooks = probe.patient_hooks().store(store).build().unwrap();
    let sent = (0..1000).map(|_| {
        let hooks = hooks.clone();
        tokio::spawn(async move { event(EVENT, "e1").call(&hooks).await })
    });
    let replies: Vec<Answer> = join_all(sent).await.into_iter().map(Result::unwrap).collect();
    for reply in replies {
        assert!(
            reply.code() == 200 || reply.code() == 503 && reply.retry_after().is_some(),
            "{}",
            reply.code()
        );
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_of_64_concurrent_senders_with_duplicates_runs_once() {
    let directory = Directory::default();
    let store = open(&directory.file("hooks.db")).await;
    let probe = Probe::default();
    let hooks = probe.patient_hooks().store(store).build().unwrap();
    // Four senders send each event, each in another order and half of them with another header.
    let senders = (0..64_u64).map(|sender| {
        let hooks = hooks.clone();
        tokio::spawn(async move {
            for n in 0..40 {
                let number = (n * 17 + sender) % 40 + sender % 16 * 40;
                let delivery = event(EVENT, &format!("e{number}"));
                let delivery = match sender % 2 {
                    0 => delivery,
                    _ => delivery.header("x-apideck-idempotency-key", &format!("other-{number}")),
                };
                let reply = delivery.call(&hooks).await;
                assert_eq!(reply.code(), 200, "{}", reply.outcome());
            }
        })
    });
    for sender in join_all(senders).await {
        sender.unwrap();
    }
    let mut ids: Vec<_> = probe.runs().into_iter().filter_map(|run| run.event_id).collect();
    assert_eq!(ids.len(), 640);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 640);
}
