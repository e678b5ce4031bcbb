//! Identity of events: the event id, the header and the body.

use super::{EVENT, rest, secs, state};
use apideck_hooks::signature::{Encoding, Form};
use apideck_hooks::store::RecordState;
use apideck_hooks::testing::Event;
use apideck_hooks::{Identity, Secret};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::fixtures::{body, example, minify};
use apideck_hooks_tests::kit::{Deliver, Told, event, of};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn case_01_case_02_the_first_delivery_runs_and_the_next_is_a_duplicate() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = event(EVENT, "e1");
    let first = delivery.call(&hooks).await;
    assert_eq!((first.code(), first.outcome().as_str()), (200, "handled"));
    let done = spy.last_status().await;
    assert_eq!((done.state, done.attempts), (RecordState::Done, 1));
    let again = delivery.call(&hooks).await;
    assert_eq!((again.code(), again.outcome().as_str()), (200, "duplicate"));
    assert_eq!(spy.last_status().await, done);
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_03_a_retry_with_another_attempt_and_signature_is_a_duplicate() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let first = body(EVENT, "e1");
    let retry = first.replace("\"execution_attempt\":1", "\"execution_attempt\":2");
    assert_ne!(first, retry);
    for (body, word) in [(first, "handled"), (retry, "duplicate")] {
        let delivery = of(body).key("k");
        assert_eq!(delivery.call(&hooks).await.outcome(), word);
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_04_a_captured_body_under_a_new_header_is_a_duplicate() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = event(EVENT, "e1");
    delivery.call(&hooks).await.assert_handled();
    for n in 0..20 {
        let replay = delivery
            .clone()
            .header("x-apideck-idempotency-key", &format!("fresh-{n}"));
        replay.call(&hooks).await.assert_duplicate();
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_04_a_body_captured_in_flight_is_one_run() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let hooks = probe.hooks().build().unwrap();
    let one = event(EVENT, "e1");
    let other = one.clone().key("fresh");
    let (one, other, ()) = tokio::join!(one.call(&hooks), other.call(&hooks), async {
        probe.started().await;
        sleep(secs(1)).await;
        probe.open();
    });
    assert_eq!((one.code(), other.code()), (200, 200));
    assert_eq!(probe.count(), 1);
}

/// A delivery with the header `k`.
fn under_one_header(body: String) -> Event {
    of(body).key("k")
}

#[tokio::test(start_paused = true)]
async fn case_05_a_known_header_with_the_same_signed_facts_is_a_duplicate() {
    for (step, words) in [
        (Step::Succeed, ["handled", "duplicate"]),
        (Step::Fail, ["500", "503"]),
        (Step::Refuse, ["dead_lettered", "duplicate"]),
    ] {
        let (probe, spy) = (Probe::new([step]), Spy::with_letters());
        let hooks = probe.hooks().store(spy).build().unwrap();
        for (id, word) in ["e1", "e2"].into_iter().zip(words) {
            assert_eq!(
                under_one_header(body(EVENT, id)).call(&hooks).await.outcome(),
                word
            );
        }
        assert_eq!((probe.count(), hooks.stats().recognised_by_header), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn case_05_another_signed_event_under_a_known_header_runs_and_leaves_the_first_alone() {
    let (probe, spy) = (Probe::new([Step::Fail]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let first = || under_one_header(body(EVENT, "e1"));
    assert_eq!(first().call(&hooks).await.outcome(), "500");
    for n in 2..10 {
        // Each has an entity or a time of its own.
        let (from, to) = [
            (
                "\"entity_id\":\"entity\"",
                format!("\"entity_id\":\"another-{n}\""),
            ),
            ("2021-10-01", format!("2022-10-0{n}")),
        ][n % 2]
            .clone();
        let other = body(EVENT, &format!("e{n}")).replace(from, &to);
        under_one_header(other).call(&hooks).await.assert_handled();
    }
    rest().await;
    first().call(&hooks).await.assert_handled();
    assert_eq!(state(&spy).await, (RecordState::Done, 2));
    assert_eq!(probe.count(), 10);
}

#[tokio::test(start_paused = true)]
async fn case_06_without_the_header_the_event_id_identifies_the_event() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = |id| event(EVENT, id).without_header("x-apideck-idempotency-key");
    delivery("e1").call(&hooks).await.assert_handled();
    delivery("e1").call(&hooks).await.assert_duplicate();
    delivery("e2").call(&hooks).await.assert_handled();
}

/// Without an id and a time, a header tells two events with one text apart.
#[tokio::test(start_paused = true)]
async fn case_06_without_an_event_id_and_a_time_the_header_and_the_text_identify_the_event() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = |attempt: u32| {
        of(format!(
            r#"{{"payload":{{"event_type":"vault.connection.callable","execution_attempt":{attempt}}}}}"#
        ))
    };
    let under = |attempt, key| delivery(attempt).key(key);
    under(1, "k1").call(&hooks).await.assert_handled();
    under(2, "k1").call(&hooks).await.assert_duplicate();
    under(1, "k2").call(&hooks).await.assert_handled();
    delivery(1).call(&hooks).await.assert_handled();
    delivery(2).call(&hooks).await.assert_duplicate();
}

/// With a time, the header of a captured body changes nothing.
#[tokio::test(start_paused = true)]
async fn case_04_case_06_a_captured_body_without_an_event_id_is_a_duplicate_under_every_header() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = |attempt: u32, x: u32| {
        of(format!(
            r#"{{"payload":{{"event_type":"vault.connection.callable","execution_attempt":{attempt},"x":{x},"occurred_at":"2021-10-01T03:14:55.419Z"}}}}"#
        ))
    };
    delivery(1, 1).call(&hooks).await.assert_handled();
    delivery(2, 1).call(&hooks).await.assert_duplicate();
    for key in ["k1", "k2"] {
        let replay = delivery(1, 1).key(key);
        replay.call(&hooks).await.assert_duplicate();
    }
    delivery(1, 2).call(&hooks).await.assert_handled();
}

#[tokio::test(start_paused = true)]
async fn an_unusable_header_counts_as_absent() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = event(EVENT, "e1").key("k".repeat(256));
    delivery.call(&hooks).await.assert_handled();
    delivery.call(&hooks).await.assert_duplicate();
    let twice = event(EVENT, "e2");
    let mut headers = twice.headers(&Secret::new(SECRET).unwrap());
    headers.append("x-apideck-idempotency-key", "another".parse().unwrap());
    let twice = twice.exact(headers.iter());
    twice.call(&hooks).await.assert_handled();
    assert_eq!(hooks.stats().idempotency_key_unusable, 3);
    assert!(probe.runs().iter().all(|run| run.idempotency_key.is_none()));
}

#[tokio::test(start_paused = true)]
async fn case_07_a_migration_is_three_runs() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    for action in ["created", "deleted", "migrated"] {
        let name = format!("vault.connection.{action}");
        let delivery = event(&name, "one-id").key("one-key");
        delivery.call(&hooks).await.assert_handled();
    }
    assert_eq!(probe.count(), 3);
    assert_eq!(hooks.stats().recognised_by_header, 0);
}

#[tokio::test]
async fn the_same_event_in_another_form_is_a_duplicate() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = of(minify(example(EVENT)));
    delivery
        .clone()
        .signed(Form::Raw, Encoding::Hex)
        .call(&hooks)
        .await
        .assert_handled();
    delivery
        .signed(Form::Sorted, Encoding::Base64)
        .call(&hooks)
        .await
        .assert_duplicate();
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_30_two_sources_do_not_see_each_other() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let one = probe.hooks().store(spy.clone()).source("one").build().unwrap();
    let other = probe.hooks().store(spy.clone()).source("other").build().unwrap();
    let delivery = event(EVENT, "e1");
    delivery.call(&one).await.assert_handled();
    delivery.call(&other).await.assert_handled();
    delivery.call(&one).await.assert_duplicate();
    assert_eq!(probe.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn identity_can_be_chosen() {
    let replay = |id: &'static str, key: &'static str| event(EVENT, id).key(key);
    for (identity, words) in [
        (Identity::EventAndHeader, ["handled", "duplicate", "duplicate"]),
        (Identity::EventOnly, ["handled", "duplicate", "handled"]),
    ] {
        let probe = Probe::default();
        let hooks = probe.hooks().identity(identity).build().unwrap();
        let replies = [
            replay("e1", "k1").call(&hooks).await,
            replay("e1", "k2").call(&hooks).await,
            replay("e2", "k1").call(&hooks).await,
        ];
        assert_eq!(replies.map(|reply| reply.outcome()), words, "{identity:?}");
    }
}

/// The ids are beyond a double, and have the same double.
#[tokio::test(start_paused = true)]
async fn ids_that_are_numbers_are_their_digits() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let ids = ["123456789012345678901234567890", "123456789012345678901234567891"];
    for id in ids {
        let body = body(EVENT, "e1").replace("\"e1\"", id);
        for word in ["handled", "duplicate"] {
            assert_eq!(of(body.clone()).call(&hooks).await.outcome(), word);
        }
    }
    let runs = probe.runs();
    let found: Vec<_> = runs.iter().filter_map(|run| run.event_id.as_deref()).collect();
    assert_eq!(found, ids);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_ids_and_with_a_lone_surrogate_is_one_run() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    for (attempt, word) in [(1, "handled"), (2, "duplicate"), (3, "duplicate")] {
        let body = format!(
            r#"{{"payload":{{"event_type":"{EVENT}","execution_attempt":{attempt},"entity":{{"name":"cut \ud83d"}}}}}}"#
        );
        assert_eq!(of(body).call(&hooks).await.outcome(), word, "{attempt}");
    }
    assert_eq!(probe.count(), 1);
}
