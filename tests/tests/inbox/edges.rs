//! What goes wrong beside the usual way: stalls, lost runs, and clocks that are set back.

use crate::world::{EVENT, RunLog, Working, accepting, handle, inbox_file, quick};
use apideck_hooks::events::AnyEvent;
use apideck_hooks::store::{
    Acceptance, Claim, DeadLetter, End, Fetch, Fetched, Grant, Held, InboxStore, Key, Recovered, Store,
    Verdict,
};
use apideck_hooks::{Delivery, Hooks, Outcome, State, on, router};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::waiting::until;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

#[on("vault.*")]
async fn vault(_: AnyEvent, delivery: Delivery, State(log): State<RunLog>) -> Outcome {
    log.run(&delivery).await
}

/// The workers run, and have no handler for the only event that waits. So all that they could show
/// for their work is an event that is accepted.
#[tokio::test]
async fn an_event_that_no_worker_handles_does_not_close_the_inbox_for_ever() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = accepting(Hooks::builder(router![handle]), file.store().await, &log);
    let hooks = hooks.build().unwrap();
    event("crm.lead.created", "lead")
        .call(&hooks)
        .await
        .assert_accepted();
    drop(hooks);
    let limit = Duration::from_millis(300);
    let hooks = accepting(Hooks::builder(router![vault]), file.store().await, &log);
    let hooks = hooks.stalled_after(limit).build().unwrap();
    let _workers = Working::begin(&hooks, quick());
    sleep(2 * limit).await;
    assert_eq!(event(EVENT, "good").call(&hooks).await.code(), 503);
    until("one is accepted nevertheless", async || {
        event(EVENT, "good").call(&hooks).await.code() == 200
    })
    .await;
    log.until_begun(1).await;
}

#[tokio::test]
async fn a_last_delivery_that_a_full_inbox_refuses_is_told() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = accepting(Hooks::builder(router![handle]), file.store().await, &log);
    let hooks = hooks.max_waiting(1).build().unwrap();
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    for attempt in [8, 9] {
        let refused = event(EVENT, "more").attempt(attempt).call(&hooks).await;
        assert_eq!(refused.code(), 503);
    }
    assert_eq!(hooks.stats().last_refused, 1);
}

fn key(n: u8) -> Key {
    Key::from_bytes([n; 16])
}

/// An event of one lane, at this time.
fn acceptance(n: u8, occurred_at: i64) -> Acceptance {
    let kept = DeadLetter::new("tests", "body").event("a.b.c", "id", "entity", "");
    let mut acceptance = Acceptance::new(key(n), kept);
    (acceptance.lane, acceptance.occurred_at) = (Some(key(0)), Some(occurred_at));
    acceptance
}

async fn fetch_one(store: &impl InboxStore, lease: Duration) -> Option<Fetched> {
    let mut fetch = Fetch::new("tests", Arc::new(|_| true));
    (fetch.ordered, fetch.lease) = (true, lease);
    store.fetch(&fetch).await.expect("an answer").pop()
}

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(1000);

#[tokio::test]
async fn a_run_that_has_lost_its_lane_is_not_renewed_beside_the_next_one() {
    let file = inbox_file!();
    let store = file.store().await;
    store.accept(acceptance(1, 10)).await.unwrap();
    let lost = fetch_one(&*store, SHORT).await.expect("the first").grant;
    // Earlier than the one that runs, so its lane is not free before the lease has ended.
    store.accept(acceptance(2, 5)).await.unwrap();
    let mut next = None;
    until("the lease has ended", async || {
        next = fetch_one(&*store, LONG).await;
        next.is_some()
    })
    .await;
    let next = next.expect("the next").grant;
    assert_eq!(next.record, key(2));
    assert_eq!(store.renew(lost, LONG).await.unwrap(), Held::Lost);
    assert_eq!(store.finish(lost, End::Done).await.unwrap(), Held::Lost);
    assert!(fetch_one(&*store, LONG).await.is_none());
    assert_eq!(store.finish(next, End::Done).await.unwrap(), Held::Yes);
    let again = fetch_one(&*store, LONG).await.expect("it waits again");
    assert_eq!((again.grant.record, again.attempt), (key(1), 2));
    assert_eq!(store.finish(again.grant, End::Done).await.unwrap(), Held::Yes);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_hold_a_run_whose_process_is_gone() {
    let file = inbox_file!();
    let store = file.store().await;
    store.accept(acceptance(1, 10)).await.unwrap();
    fetch_one(&*store, SHORT).await.expect("one");
    file.execute(
        "UPDATE apideck_hooks_records SET lease_end = lease_end + 3600000000, due = due + 3600000000,
        rest_end = rest_end + 3600000000",
    )
    .await;
    until("it is put back", async || {
        store.recover("tests", 9).await.unwrap().waiting == 1
    })
    .await;
    assert!(fetch_one(&*store, LONG).await.is_some());
}

#[tokio::test]
async fn the_end_of_a_rest_puts_no_event_into_the_inbox() {
    let file = inbox_file!();
    let store = file.store().await;
    let claim = Claim::new(key(1), LONG);
    let id = claim.id;
    let Verdict::Granted { token, .. } = store.claim(claim).await.unwrap().verdict else {
        panic!("not granted");
    };
    let end = End::Release { rest: LONG };
    store.finish(Grant::new(key(1), token, id), end).await.unwrap();
    assert!(store.end_rest(key(1)).await.unwrap());
    let due = "SELECT count(*) FROM apideck_hooks_records WHERE due IS NOT NULL";
    assert_eq!(file.number(due).await, 0);
}

/// The age of one event does not make another one older that was given back.
#[tokio::test]
async fn the_oldest_event_that_is_due_is_one_event() {
    let file = inbox_file!();
    let store = file.store().await;
    store.accept(acceptance(1, 10)).await.unwrap();
    let old = fetch_one(&*store, LONG).await.expect("one").grant;
    let end = End::Release { rest: Duration::ZERO };
    store.finish(old, end).await.unwrap();
    file.execute("UPDATE apideck_hooks_records SET accepted_at = accepted_at - 86400000000")
        .await;
    store.accept(acceptance(2, 5)).await.unwrap();
    let given_back = fetch_one(&*store, LONG).await.expect("another").grant;
    assert_eq!(given_back.record, key(2));
    store.finish(given_back, End::Withdraw).await.unwrap();
    let stats = store.stats("tests").await.unwrap();
    assert!(stats.oldest.unwrap() >= Duration::from_secs(86_400));
    assert!(
        stats.oldest_due.unwrap() < Duration::from_secs(43_200),
        "{stats:?}"
    );
}

/// Each call cuts a limited number of rests, and tells that there can be more.
#[tokio::test]
async fn a_clock_that_was_set_back_holds_no_part_of_a_backlog() {
    const EVENTS: u16 = 700;
    let file = inbox_file!();
    let store = file.store().await;
    for n in 0..EVENTS {
        let kept = DeadLetter::new("tests", "body").event("a.b.c", "id", "", "");
        let mut record = [1; 16];
        record[..2].copy_from_slice(&n.to_be_bytes());
        let acceptance = Acceptance::new(Key::from_bytes(record), kept);
        store.accept(acceptance).await.unwrap();
    }
    file.execute("UPDATE apideck_hooks_records SET due = due + 3600000000, rest_end = rest_end + 3600000000")
        .await;
    while store.recover("tests", 9).await.unwrap() != Recovered::default() {}
    let mut fetch = Fetch::new("tests", Arc::new(|_| true));
    fetch.limit = 1000;
    assert_eq!(store.fetch(&fetch).await.unwrap().len(), usize::from(EVENTS));
}
