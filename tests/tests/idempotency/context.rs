//! The user's own values beside an event, and the facts of a run.

use super::{EVENT, secs};
use apideck_hooks::testing::{Answer, Apideck};
use apideck_hooks::{
    Context, Delivery, Disposition, Failure, Hooks, Outcome, Permanent, Rest, State, on, router,
};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::spy::Spy;
use std::sync::{Arc, Mutex};
use tokio::time::sleep;

type Seen = Arc<Mutex<Vec<Delivery>>>;

#[on("*")]
async fn refuses_first(delivery: Delivery, State(seen): State<Seen>) -> Outcome {
    let mut seen = seen.lock().unwrap();
    seen.push(delivery);
    if seen.len() == 1 {
        return Failure::from(Permanent("no")).into();
    }
    Outcome::Done
}

#[tokio::test(start_paused = true)]
async fn a_context_is_the_same_in_the_run_and_in_the_replay() {
    let (seen, spy) = (Seen::default(), Spy::with_letters());
    let hooks = Hooks::builder(router![refuses_first])
        .secret(SECRET)
        .state(Arc::clone(&seen))
        .store(spy.clone())
        .context(|request| {
            let mut context = Context::new();
            context.insert("path", request.uri.path()).unwrap();
            context
                .insert(
                    "has-signature",
                    request.headers.contains_key("x-apideck-signature").to_string(),
                )
                .unwrap();
            context
        })
        .build()
        .unwrap();
    let apideck = Apideck::new(hooks.clone(), SECRET).path("/tenants/acme");
    apideck.send(&event(EVENT, "e1")).await.assert_dead_lettered();
    let letters = hooks.dead_letters().unwrap();
    let replayed = letters.replay(spy.last_claim().record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::Handled);
    let seen = seen.lock().unwrap();
    for delivery in &*seen {
        assert_eq!(delivery.context().get("path"), Some("/tenants/acme"));
        assert_eq!(delivery.context().get("has-signature"), Some("true"));
    }
    assert_eq!((seen.len(), seen[1].headers().len()), (2, 0));
    assert!(seen[0].token().unwrap() < seen[1].token().unwrap());
}

#[tokio::test]
async fn a_context_that_panics_is_answered_and_counted() {
    let seen = Seen::default();
    let hooks = Hooks::builder(router![refuses_first])
        .secret(SECRET)
        .state(Arc::clone(&seen))
        .context(|request| panic!("no tenant in {}", request.uri.path()))
        .build()
        .unwrap();
    let apideck = Apideck::new(hooks.clone(), SECRET);
    apideck.send(&event(EVENT, "e1")).await.assert_failed();
    let stats = hooks.stats();
    assert_eq!(
        (stats.failed, stats.abandoned, seen.lock().unwrap().len()),
        (1, 0, 0)
    );
}

#[on("*")]
async fn waits_for_its_claim(delivery: Delivery, State(seen): State<Seen>) {
    let first = {
        let mut seen = seen.lock().unwrap();
        seen.push(delivery.clone());
        seen.len() == 1
    };
    if first {
        assert!(!delivery.is_claim_lost());
        delivery.claim_lost().await;
        assert!(delivery.is_claim_lost());
    }
}

/// Delivers an event twice. The second delivery takes over the claim of the first one.
async fn taken_over(hooks: &Hooks, spy: &Spy) -> (Answer, Answer) {
    spy.fail_renewals(true);
    let delivery = event(EVENT, "e1");
    tokio::join!(delivery.call(hooks), async {
        sleep(secs(31)).await;
        let reply = delivery.call(hooks).await;
        // The next renewal of the first run tells it.
        spy.fail_renewals(false);
        reply
    })
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_told_that_its_claim_is_lost() {
    let (seen, spy) = (Seen::default(), Spy::default());
    let hooks = Hooks::builder(router![waits_for_its_claim])
        .secret(SECRET)
        .state(Arc::clone(&seen))
        .store(spy.clone())
        .rest(Rest::None)
        .build()
        .unwrap();
    let (first, second) = taken_over(&hooks, &spy).await;
    first.assert_duplicate();
    second.assert_handled();
    let seen = seen.lock().unwrap();
    assert!(seen[0].is_claim_lost() && !seen[1].is_claim_lost());
    assert!(seen[0].token().unwrap() < seen[1].token().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_run_without_a_claim_has_no_token() {
    let (seen, spy) = (Seen::default(), Spy::default());
    let hooks = Hooks::builder(router![waits_for_its_claim])
        .secret(SECRET)
        .state(Arc::clone(&seen))
        .store(spy.clone())
        .fail_open(true)
        .handler_timeout(secs(1))
        .build()
        .unwrap();
    spy.fail_claims(true);
    let _ = event(EVENT, "e1").call(&hooks).await;
    let seen = seen.lock().unwrap();
    assert_eq!((seen[0].token(), seen[0].attempt()), (None, 1));
}

#[on("*")]
async fn is_lost_first_and_refuses_then(delivery: Delivery, State(seen): State<Seen>) -> Outcome {
    let attempt = delivery.attempt();
    seen.lock().unwrap().push(delivery.clone());
    if attempt == 1 {
        delivery.claim_lost().await;
        return Outcome::Done;
    }
    Failure::from(Permanent("no")).into()
}

/// The run that took over has counted it.
#[tokio::test(start_paused = true)]
async fn a_run_that_was_lost_does_not_count_the_dead_letter_of_another_one() {
    let spy = Spy::default();
    let hooks = Hooks::builder(router![is_lost_first_and_refuses_then])
        .secret(SECRET)
        .state(Seen::default())
        .store(spy.clone())
        .rest(Rest::None)
        .build()
        .unwrap();
    let (first, second) = taken_over(&hooks, &spy).await;
    first.assert_status(422);
    second.assert_status(422);
    let stats = hooks.stats();
    assert_eq!((stats.dead_letters, stats.claims_lost), (1, 1));
}
