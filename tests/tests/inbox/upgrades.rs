//! Upgrades, smaller routers and replays.

use crate::world::{EVENT, RunLog, Working, accepting, handle, inbox_file, quick, stats, until_idle};
use apideck_hooks::events::{AnyEvent, ConnectionCallable};
use apideck_hooks::store::LetterFilter;
use apideck_hooks::{Delivery, Disposition, Hooks, Outcome, ReplayAll, State, on, router};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::waiting::{GENEROUS, until};

#[on("crm.*")]
async fn crm(_: AnyEvent, delivery: Delivery, State(log): State<RunLog>) -> Outcome {
    log.run(&delivery).await
}

#[tokio::test]
async fn inbox_15_workers_leave_events_alone_that_their_router_lacks() {
    let file = inbox_file!();
    let log = RunLog::default();
    let store = file.store().await;
    let hooks = accepting(Hooks::builder(router![handle]), store.clone(), &log);
    let hooks = hooks.build().unwrap();
    for (name, id) in [(EVENT, "vault"), ("crm.lead.created", "lead")] {
        event(name, id).call(&hooks).await.assert_accepted();
    }
    drop(hooks);
    let hooks = accepting(Hooks::builder(router![crm]), store.clone(), &log);
    let hooks = hooks.build().unwrap();
    // Nobody has fetched them for eleven minutes.
    file.execute(
        "UPDATE apideck_hooks_records SET due = due - 660000000, rest_end = rest_end - 660000000,
        accepted_at = accepted_at - 660000000",
    )
    .await;
    let workers = Working::begin(&hooks, quick());
    until("it is told", async || hooks.stats().unfetched == 1).await;
    until("one is left", async || {
        let left = stats(&hooks).await;
        left.waiting == 1 && left.running == 0
    })
    .await;
    hooks.shutdown(GENEROUS).await;
    workers.end().await;
    drop(hooks);
    let stats_of_smaller = log.begun();
    assert_eq!(stats_of_smaller, [("lead".to_owned(), 1)]);
    let hooks = accepting(Hooks::builder(router![handle]), store, &log);
    let hooks = hooks.build().unwrap();
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    assert_eq!(log.count("vault"), 1);
}

#[on("vault.connection.callable")]
async fn old(_: ConnectionCallable) {}

#[on("vault.connection.callable")]
async fn new(delivery: Delivery, State(log): State<RunLog>) -> Outcome {
    log.run(&delivery).await
}

/// A payload that a release cannot read is a dead letter, which a later release replays.
#[tokio::test]
async fn inbox_15_an_event_that_cannot_be_read_is_replayed_after_an_upgrade() {
    let file = inbox_file!();
    let log = RunLog::default();
    let store = file.store().await;
    let hooks = accepting(Hooks::builder(router![old, ..]), store.clone(), &log)
        .build()
        .unwrap();
    let odd = |n: u32| event(EVENT, &format!("odd-{n}")).set("entity", "no object");
    for n in 0..3 {
        odd(n).call(&hooks).await.assert_accepted();
    }
    let workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    hooks.shutdown(GENEROUS).await;
    workers.end().await;
    let dead = hooks.stats().dead_letters;
    drop(hooks);
    let hooks = accepting(Hooks::builder(router![new, ..]), store, &log);
    let hooks = hooks.build().unwrap();
    let letters = hooks.dead_letters().unwrap();
    let filter = LetterFilter::new().event_type(EVENT);
    assert_eq!((letters.count(&filter).await.unwrap(), dead), (3, 3));
    let all = || ReplayAll::new(filter.clone());
    let dry = letters.replay_all(all().dry_run()).await.unwrap();
    assert!(dry.len() == 3 && dry.iter().all(|(_, replayed)| replayed.is_none()));
    // A bulk that is stopped half-way is continued.
    assert_eq!(letters.replay_all(all().at_most(2)).await.unwrap().len(), 2);
    assert_eq!(letters.replay_all(all()).await.unwrap().len(), 1);
    assert_eq!(log.begun().len(), 3);
    assert_eq!(letters.count(&filter).await.unwrap(), 0);
    let kept = "SELECT count(*) FROM apideck_hooks_records WHERE body IS NOT NULL";
    assert_eq!(file.number(kept).await, 0);
}

#[tokio::test]
async fn inbox_16_a_replay_while_the_event_runs_is_one_run() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    let _workers = Working::begin(&hooks, quick());
    event(EVENT, "bad").call(&hooks).await.assert_accepted();
    until_idle(&hooks).await;
    let letters = hooks.dead_letters().unwrap();
    let letter = letters
        .list(&LetterFilter::new(), None, 1)
        .await
        .unwrap()
        .remove(0);
    let both = tokio::join!(letters.replay(letter.record), letters.replay(letter.record));
    let dispositions = [both.0.unwrap().disposition, both.1.unwrap().disposition];
    let dead = dispositions
        .iter()
        .filter(|one| **one == Disposition::DeadLettered)
        .count();
    assert!(dead >= 1, "{dispositions:?}");
    assert_eq!(log.count("bad"), 1 + dead);
    event(EVENT, "bad").call(&hooks).await.assert_duplicate();
    letters.purge(letter.record).await.unwrap();
    event(EVENT, "bad").call(&hooks).await.assert_duplicate();
    assert_eq!(log.count("bad"), 1 + dead);
}
