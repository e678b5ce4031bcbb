//! Identity of events: the event id, the header and the body.

use super::{EVENT, secs};
use apideck_hooks::Identity;
use apideck_hooks::store::{Status, Token};
use apideck_hooks_tests::delivery::{Delivery, Encoding, Signed};
use apideck_hooks_tests::fixtures::{body, example, minify};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn case_01_case_02_the_first_delivery_runs_and_the_next_is_a_duplicate() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let first = delivery.call(&hooks).await;
    assert_eq!((first.status, first.word().as_str()), (200, "handled"));
    let done = Status::Done { token: Token(1) };
    assert_eq!(spy.last_status().await, done);
    let again = delivery.call(&hooks).await;
    assert_eq!((again.status, again.word().as_str()), (200, "duplicate"));
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
        let delivery = Delivery::of(body).header("x-apideck-idempotency-key", "k");
        assert_eq!(delivery.call(&hooks).await.word(), word);
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_04_a_captured_body_under_a_new_header_is_a_duplicate() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    assert_eq!(delivery.call(&hooks).await.word(), "handled");
    for n in 0..20 {
        let replay = delivery
            .clone()
            .header("x-apideck-idempotency-key", &format!("fresh-{n}"));
        assert_eq!(replay.call(&hooks).await.word(), "duplicate");
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_04_a_body_captured_in_flight_is_one_run() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let hooks = probe.hooks().build().unwrap();
    let one = Delivery::event(EVENT, "e1");
    let other = one.clone().header("x-apideck-idempotency-key", "fresh");
    let (one, other, ()) = tokio::join!(one.call(&hooks), other.call(&hooks), async {
        probe.started().await;
        sleep(secs(1)).await;
        probe.open();
    });
    assert_eq!((one.status, other.status), (200, 200));
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_05_a_known_header_with_another_event_id_is_a_duplicate_and_counted() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let one = Delivery::event(EVENT, "e1").header("x-apideck-idempotency-key", "k");
    let other = Delivery::event(EVENT, "e2").header("x-apideck-idempotency-key", "k");
    assert_eq!(one.call(&hooks).await.word(), "handled");
    assert_eq!(hooks.stats().idempotency_key_reused, 0);
    assert_eq!(other.call(&hooks).await.word(), "duplicate");
    assert_eq!((probe.count(), hooks.stats().idempotency_key_reused), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn case_06_without_the_header_the_event_id_identifies_the_event() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = |id| Delivery::event(EVENT, id).without("x-apideck-idempotency-key");
    assert_eq!(delivery("e1").call(&hooks).await.word(), "handled");
    assert_eq!(delivery("e1").call(&hooks).await.word(), "duplicate");
    assert_eq!(delivery("e2").call(&hooks).await.word(), "handled");
}

#[tokio::test(start_paused = true)]
async fn case_06_without_an_event_id_the_header_identifies_the_event() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = |key| {
        Delivery::of(r#"{"payload":{"event_type":"vault.connection.callable"}}"#)
            .header("x-apideck-idempotency-key", key)
    };
    assert_eq!(delivery("k1").call(&hooks).await.word(), "handled");
    assert_eq!(delivery("k1").call(&hooks).await.word(), "duplicate");
    assert_eq!(delivery("k2").call(&hooks).await.word(), "handled");
}

#[tokio::test(start_paused = true)]
async fn case_06_without_both_the_body_without_its_attempt_identifies_the_event() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = |attempt: u32, x: u32| {
        Delivery::of(format!(
            r#"{{"payload":{{"event_type":"vault.connection.callable","execution_attempt":{attempt},"x":{x}}}}}"#
        ))
    };
    assert_eq!(delivery(1, 1).call(&hooks).await.word(), "handled");
    assert_eq!(delivery(2, 1).call(&hooks).await.word(), "duplicate");
    assert_eq!(delivery(1, 2).call(&hooks).await.word(), "handled");
}

#[tokio::test(start_paused = true)]
async fn an_unusable_header_counts_as_absent() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::event(EVENT, "e1").header("x-apideck-idempotency-key", &"k".repeat(256));
    assert_eq!(delivery.call(&hooks).await.word(), "handled");
    assert_eq!(delivery.call(&hooks).await.word(), "duplicate");
    let twice = Delivery::event(EVENT, "e2").also("x-apideck-idempotency-key", "another");
    assert_eq!(twice.call(&hooks).await.word(), "handled");
    assert_eq!(hooks.stats().idempotency_key_unusable, 3);
    assert!(probe.runs().iter().all(|run| run.idempotency_key.is_none()));
}

#[tokio::test(start_paused = true)]
async fn case_07_a_migration_is_three_runs() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    for action in ["created", "deleted", "migrated"] {
        let event = format!("vault.connection.{action}");
        let delivery = Delivery::event(&event, "one-id").header("x-apideck-idempotency-key", "one-key");
        assert_eq!(delivery.call(&hooks).await.word(), "handled", "{event}");
    }
    assert_eq!(probe.count(), 3);
    assert_eq!(hooks.stats().idempotency_key_reused, 0);
}

/// A released record waits for a retry of its event. Another event with the same header gets a
/// record of its own.
#[tokio::test(start_paused = true)]
async fn a_failed_event_is_not_settled_by_another_event_with_its_header() {
    let probe = Probe::new([Step::Fail]);
    let hooks = probe.hooks().build().unwrap();
    let delivery = |id: &str| Delivery::event(EVENT, id).header("x-apideck-idempotency-key", "k");
    assert_eq!(delivery("e1").call(&hooks).await.status, 500);
    assert_eq!(delivery("e2").call(&hooks).await.word(), "handled");
    assert_eq!(delivery("e1").call(&hooks).await.word(), "handled");
    assert_eq!(delivery("e2").call(&hooks).await.word(), "duplicate");
    let ran: Vec<_> = probe.runs().into_iter().filter_map(|run| run.event_id).collect();
    assert_eq!(ran, ["e1", "e2", "e1"]);
}

#[tokio::test]
async fn the_same_event_in_another_form_is_a_duplicate() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::of(minify(example(EVENT)));
    assert_eq!(
        delivery
            .clone()
            .signed(Signed::Raw, Encoding::Hex)
            .call(&hooks)
            .await
            .word(),
        "handled"
    );
    assert_eq!(
        delivery
            .signed(Signed::Sorted, Encoding::Base64)
            .call(&hooks)
            .await
            .word(),
        "duplicate"
    );
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_30_two_sources_do_not_see_each_other() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let one = probe.hooks().store(spy.clone()).source("one").build().unwrap();
    let other = probe.hooks().store(spy.clone()).source("other").build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    assert_eq!(delivery.call(&one).await.word(), "handled");
    assert_eq!(delivery.call(&other).await.word(), "handled");
    assert_eq!(delivery.call(&one).await.word(), "duplicate");
    assert_eq!(probe.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn identity_can_be_chosen() {
    let replay = |event: &'static str, key: &'static str| {
        Delivery::event(EVENT, event).header("x-apideck-idempotency-key", key)
    };
    for (identity, words) in [
        (Identity::EventAndHeader, ["handled", "duplicate", "duplicate"]),
        (Identity::EventOnly, ["handled", "duplicate", "handled"]),
        (Identity::HeaderOnly, ["handled", "handled", "duplicate"]),
    ] {
        let probe = Probe::default();
        let hooks = probe.hooks().identity(identity).build().unwrap();
        let replies = [
            replay("e1", "k1").call(&hooks).await,
            replay("e1", "k2").call(&hooks).await,
            replay("e2", "k1").call(&hooks).await,
        ];
        assert_eq!(replies.map(|reply| reply.word()), words, "{identity:?}");
    }
}
