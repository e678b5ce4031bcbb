//! The facts of an answer in process, and the assertions on them.

use super::{EVENT, HANDLER, message};
use apideck_hooks::testing::{Apideck, Event, Forgery};
use apideck_hooks::{Disposition, Hooks, Rest, Why, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use std::time::Duration;

fn apideck(probe: &Probe) -> Apideck<Hooks> {
    let hooks = probe.hooks().rest(Rest::None).max_attempts(3).build();
    Apideck::new(hooks.unwrap(), SECRET)
}

#[tokio::test(start_paused = true)]
async fn an_answer_tells_the_disposition_the_handler_the_attempt_and_the_error() {
    let wait = Duration::from_secs(7);
    let probe = Probe::new([
        Step::Fail,
        Step::Panic,
        Step::Refuse,
        Step::FailUntil(wait),
        Step::Ignore,
    ]);
    let apideck = apideck(&probe);
    let event = Event::new(EVENT);
    let failed = apideck.send(&event).await;
    failed
        .assert_failed()
        .assert_status(500)
        .assert_error("secret-reason");
    assert_eq!((failed.handler(), failed.attempt()), (Some(HANDLER), Some(1)));
    let panicked = apideck.send(&event).await;
    panicked.assert_failed().assert_error("panicked: secret-reason");
    let refused = apideck.send(&event).await;
    refused.assert_status(422).assert_error("secret-reason");
    assert_eq!(
        (refused.disposition(), refused.attempt()),
        (Some(Disposition::Unprocessable), Some(3))
    );
    let duplicate = apideck.send(&event).await;
    assert_eq!(
        (duplicate.handler(), duplicate.attempt(), duplicate.error()),
        (Some(HANDLER), None, None)
    );

    let event = Event::new(EVENT);
    let asked = apideck.send(&event).await;
    asked.assert_failed().assert_later();
    assert_eq!(asked.retry_after(), Some(7));
    let resting = apideck.send(&event).await;
    assert!(matches!(
        resting.disposition(),
        Some(Disposition::Later {
            why: Why::Resting,
            ..
        })
    ));
    resting.assert_later();
    message(|| resting.assert_failed());
    tokio::time::sleep(wait).await;
    apideck.send(&event).await.assert_ignored().assert_acknowledged();
    let event = Event::new(EVENT);
    let handled = apideck.send(&event).await;
    assert_eq!(
        (handled.assert_handled().word().as_deref(), handled.failure()),
        (Some("handled"), None)
    );
    apideck.send(&event.replayed()).await.assert_duplicate();
}

#[tokio::test]
async fn a_dead_letter_is_acknowledged_by_a_store_that_keeps_it() {
    let hooks = Probe::new([Step::Refuse])
        .hooks()
        .store(Spy::with_letters())
        .build()
        .unwrap();
    let answer = Apideck::new(hooks, SECRET).send(&Event::new(EVENT)).await;
    answer.assert_dead_lettered().assert_error("secret-reason");
}

#[tokio::test]
async fn an_event_without_a_handler_has_none() {
    let hooks = Hooks::builder(router![..]).secret(SECRET).build().unwrap();
    let apideck = Apideck::new(hooks, SECRET);
    let answer = apideck.send(&Event::new(EVENT)).await;
    assert_eq!(answer.assert_ignored().handler(), None);
    assert_eq!(answer.disposition(), Some(Disposition::NoHandler));
    apideck.validate().await.assert_acknowledged();
}

#[tokio::test]
async fn every_forgery_is_refused_before_the_store_is_asked() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let apideck = Apideck::new(hooks, SECRET);
    let event = Event::new(EVENT);
    for forgery in Forgery::ALL {
        let answer = apideck.forge(&event, forgery).await;
        let status = if *forgery == Forgery::OtherEvent { 400 } else { 401 };
        answer.assert_refused().assert_status(status);
    }
    assert_eq!((probe.count(), spy.operations()), (0, 0));
    apideck.send(&event).await.assert_handled();
}

#[tokio::test]
async fn an_assertion_that_fails_prints_all_that_is_known() {
    let probe = Probe::new([Step::Fail]);
    let answer = apideck(&probe).send(&Event::new(EVENT).id("e-1")).await;
    let text = message(|| answer.assert_handled());
    for part in [
        "expected handled",
        "vault.connection.callable e-1, delivery 1",
        "500 {",
        "failed",
        "scripted",
        "attempt      1",
        "secret-reason",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for wrong in [
        message(|| answer.assert_acknowledged()),
        message(|| answer.assert_duplicate()),
        message(|| answer.assert_ignored()),
        message(|| answer.assert_dead_lettered()),
        message(|| answer.assert_later()),
        message(|| answer.assert_refused()),
        message(|| answer.assert_status(200)),
        message(|| answer.assert_error("another")),
    ] {
        assert!(
            wrong.starts_with("expected ") && wrong.contains("secret-reason"),
            "{wrong}"
        );
    }
}

/// A panic in the kit would point into the kit.
#[tokio::test]
async fn an_assertion_that_fails_points_to_its_own_line() {
    use std::sync::{Arc, Mutex};
    let answer = apideck(&Probe::new([Step::Fail])).send(&Event::new(EVENT)).await;
    let place = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&place);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.to_string().contains("expected a duplicate") {
            *noted.lock().unwrap() = panic.location().map(ToString::to_string).unwrap_or_default();
        }
    }));
    message(|| answer.assert_duplicate());
    std::panic::set_hook(usual);
    let place = place.lock().unwrap().clone();
    assert!(place.contains("answers.rs"), "{place}");
}

#[tokio::test]
async fn a_refused_signature_is_explained_without_the_key() {
    let hooks = Probe::default().hooks().build().unwrap();
    let answer = Apideck::new(hooks, "another-key").send(&Event::new(EVENT)).await;
    let text = message(|| answer.assert_acknowledged());
    assert!(text.contains("401") && text.contains("explanation"), "{text}");
    assert!(!text.contains("another-key") && !text.contains(SECRET), "{text}");
    let hooks = Probe::default().hooks().build().unwrap();
    let missing = Apideck::new(hooks, SECRET)
        .forge(&Event::new(EVENT), Forgery::NoSignature)
        .await;
    assert!(missing.to_string().contains("explanation"), "{missing}");
}
