//! Required cases of a receiver together with its store, on every store. The conformance suite has
//! those of the store alone.

use super::{EVENT, secs};
use apideck_hooks::store::{RecordState, Store};
use apideck_hooks::testing::Event;
use apideck_hooks::{Hooks, MemoryStore};
use apideck_hooks_tests::directory::file_of_this_thread;
use apideck_hooks_tests::kit::{self, Deliver, Told};
use apideck_hooks_tests::postgres::Database;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::sqlite::open;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

fn event(id: &str) -> Event {
    kit::event(EVENT, id)
}

fn gated(step: Step) -> Step {
    Step::Gate(Box::new(step))
}

/// Defines a test for each store.
macro_rules! with_every_store {
    ($( $(#[$doc:meta])* async fn $name:ident($store:ident: Arc<dyn Store>) $body:block )*) => {
        $(
            mod $name {
                use super::*;

                $(#[$doc])*
                async fn check($store: Arc<dyn Store>) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn memory() {
                    check(Arc::new(MemoryStore::new())).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn sqlite() {
                    check(Arc::new(open(&file_of_this_thread("hooks.db")).await)).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn postgres() {
                    if let Some(database) = Database::new().await {
                        check(Arc::new(database.migrated().await)).await;
                    }
                }

                #[cfg(unix)]
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn redis() {
                    if let Some(store) = apideck_hooks_tests::redis::Cleaned::new().await {
                        check(Arc::new(store)).await;
                    }
                }
            }
        )*
    };
}

/// Checks that the record of the last claim is done.
async fn is_done(spy: &Spy) -> bool {
    spy.last_status().await.state == RecordState::Done
}

/// Sends an event until it is handled.
async fn until_handled(hooks: &Hooks, id: &str) {
    until("it is handled", async || {
        let reply = event(id).call(hooks).await;
        if reply.outcome() == "handled" {
            return true;
        }
        assert!([500, 503].contains(&reply.code()), "{reply:?}");
        false
    })
    .await;
}

with_every_store! {
    /// Two receivers respond with `200` or `503`, and never with `200` before the handler has
    /// ended.
    async fn case_08_a_thousand_concurrent_identical_deliveries_are_one_run(store: Arc<dyn Store>) {
        let probe = Probe::new([gated(Step::Succeed)]);
        let receivers = [(), ()].map(|()| {
            let hooks = probe.patient_hooks().store(Spy::over(Arc::clone(&store)));
            hooks.duplicate_wait(Duration::from_millis(500)).build().unwrap()
        });
        let open = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let deliveries: Vec<_> = (0..1000).map(|n| {
            let (hooks, open) = (receivers[n % 2].clone(), Arc::clone(&open));
            tokio::spawn(async move {
                let reply = event("e1").call(&hooks).await;
                let early = !open.load(std::sync::atomic::Ordering::SeqCst);
                (reply, early)
            })
        }).collect();
        probe.started().await;
        sleep(Duration::from_millis(700)).await;
        open.store(true, std::sync::atomic::Ordering::SeqCst);
        probe.open();
        let mut handled = 0;
        for delivery in join_all(deliveries).await {
            let (reply, early) = delivery.unwrap();
            match reply.code() {
                200 => assert!(!early, "a lie: {reply:?}"),
                503 => assert!(reply.retry_after().is_some(), "{reply:?}"),
                _ => panic!("{reply:?}"),
            }
            handled += usize::from(reply.outcome() == "handled");
        }
        assert!(handled >= 1);
        assert_eq!(probe.count(), 1);
        event("e1").call(&receivers[0]).await.assert_duplicate();
    }

    /// The owner cannot renew its lease, as if it had stalled. Another delivery takes the claim
    /// over, and its end stays.
    async fn case_19_a_stalled_owner_has_lost_its_claim(store: Arc<dyn Store>) {
        for step in [Step::Succeed, Step::Fail, Step::Refuse] {
            let (short, spy) = (Spy::over(Arc::clone(&store)), Spy::over(Arc::clone(&store)));
            short.lease(secs(1));
            short.fail_renewals(true);
            let probe = Probe::new([gated(step.clone()), Step::Succeed]);
            // Two receivers, because within one the duplicate would wait in memory.
            let stalled = probe.patient_hooks().store(short).build().unwrap();
            let successor = probe.patient_hooks().store(spy.clone());
            let successor = successor.duplicate_wait(Duration::from_millis(1)).build().unwrap();
            let id = format!("{step:?}");
            let first = {
                let (hooks, delivery) = (stalled.clone(), event(&id));
                tokio::spawn(async move { delivery.call(&hooks).await })
            };
            probe.started().await;
            until_handled(&successor, &id).await;
            let settled = spy.last_status().await;
            assert_eq!(settled.state, RecordState::Done);
            probe.open();
            first.await.unwrap().assert_duplicate();
            assert_eq!(spy.last_status().await, settled);
            let attempts: Vec<u32> = probe.runs().iter().map(|run| run.attempt).collect();
            assert_eq!(attempts, [1, 2]);
            assert_eq!(stalled.stats().runs_claim_lost, 1);
        }
    }

    /// The handler runs for five leases under other deliveries of the event.
    async fn case_20_a_healthy_handler_keeps_its_claim(store: Arc<dyn Store>) {
        for lease in [3, 6, 12, 24].map(secs) {
            let spy = Spy::over(Arc::clone(&store));
            let probe = Probe::new([Step::Sleep(5 * lease, Box::new(Step::Succeed))]);
            let first = probe.patient_hooks().store(spy.clone()).lease(lease).build().unwrap();
            let second = probe.patient_hooks().store(Spy::over(Arc::clone(&store)));
            let second = second.duplicate_wait(Duration::from_millis(1)).build().unwrap();
            let id = format!("e{}", lease.as_secs());
            let running = tokio::spawn({
                let delivery = event(&id);
                async move { delivery.call(&first).await }
            });
            let mut words = Vec::new();
            while !running.is_finished() {
                if probe.count() > 0 {
                    words.push(event(&id).call(&second).await.outcome());
                }
                sleep(Duration::from_millis(200)).await;
            }
            let pause = spy.longest_pause();
            let last = (running.await.unwrap().outcome(), event(&id).call(&second).await.outcome());
            let others = words.iter().all(|word| word == "503" || word == "duplicate");
            if others && probe.count() == 1 && last == ("handled".to_owned(), "duplicate".to_owned()) {
                return;
            }
            // The claim is renewed three times in a lease. If the machine was late by more, the
            // claim was lost rightly.
            assert!(pause >= lease / 2, "{last:?} {words:?} {:?} {pause:?}", probe.runs());
        }
        panic!("the machine was late each time");
    }

    /// A handled event is answered `200` in any case. If its end could not be recorded, that is
    /// counted and the claim ends with its lease.
    async fn case_22_a_finish_that_fails_is_retried_while_the_lease_lasts(store: Arc<dyn Store>) {
        let (probe, spy) = (Probe::default(), Spy::over(store));
        let hooks = probe.patient_hooks().store(spy.clone()).build().unwrap();
        for failures in 1..=4 {
            let id = format!("e{failures}");
            spy.fail_finishes(failures);
            event(&id).call(&hooks).await.assert_handled();
            assert!(is_done(&spy).await, "{failures}");
        }
        assert_eq!((hooks.stats().store_errors, hooks.stats().unrecorded), (10, 0));
        // A finish whose response is lost.
        spy.lose_finish_responses(1);
        event("lost").call(&hooks).await.assert_handled();
        assert!(is_done(&spy).await);
        assert_eq!((hooks.stats().runs_claim_lost, probe.count()), (0, 5));

        // A finish that fails until the lease is nearly over.
        let hooks = probe.patient_hooks().store(Spy::over(Arc::new(spy.clone()))).lease(secs(3));
        let hooks = hooks.duplicate_wait(Duration::from_millis(1)).build().unwrap();
        spy.fail_finishes(usize::MAX);
        until_handled(&hooks, "never").await;
        assert_eq!((hooks.stats().unrecorded, probe.count()), (1, 6));
        assert!(matches!(spy.last_status().await.state, RecordState::Running { .. }));
        spy.fail_finishes(0);
        until_handled(&hooks, "never").await;
        let attempts: Vec<u32> = probe.runs().iter().map(|run| run.attempt).collect();
        assert!(attempts.len() == 7 && attempts[5] < attempts[6], "{attempts:?}");
    }

    async fn case_30_two_sources_are_independent(store: Arc<dyn Store>) {
        let probe = Probe::default();
        let [one, other] = ["one", "other"].map(|source| {
            probe.patient_hooks().store(Arc::clone(&store)).source(source).build().unwrap()
        });
        for hooks in [&one, &other] {
            event("e1").call(hooks).await.assert_handled();
        }
        for hooks in [&one, &other] {
            event("e1").call(hooks).await.assert_duplicate();
        }
        assert_eq!(probe.count(), 2);
    }
}
