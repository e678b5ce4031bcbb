//! Required cases that are about a receiver and its store together, with every store there is. Those about the store alone are
//! in its conformance suite.

use super::{EVENT, secs};
use apideck_hooks::store::{Status, Store};
use apideck_hooks::{Hooks, MemoryStore, SqliteStore};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::directory::file_of_this_thread;
use apideck_hooks_tests::postgres::Database;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn event(id: &str) -> Delivery {
    Delivery::event(EVENT, id)
}

fn gated(step: Step) -> Step {
    Step::Gate(Box::new(step))
}

/// A test with each store.
macro_rules! with_every_store {
    ($( $(#[$doc:meta])* async fn $name:ident($store:ident: Arc<dyn Store>) $body:block )*) => {
        $(
            mod $name {
                use super::*;

                $(#[$doc])*
                async fn case($store: Arc<dyn Store>) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn memory() {
                    case(Arc::new(MemoryStore::new())).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn sqlite() {
                    let file = file_of_this_thread("hooks.db");
                    case(Arc::new(SqliteStore::open(file).await.expect("a file"))).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn postgres() {
                    if let Some(database) = Database::new().await {
                        case(Arc::new(database.migrated().await)).await;
                    }
                }

                #[cfg(unix)]
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn redis() {
                    if let Some(store) = apideck_hooks_tests::redis::Cleaned::new().await {
                        case(Arc::new(store)).await;
                    }
                }
            }
        )*
    };
}

/// Whether the event that was claimed last is done.
async fn is_done(spy: &Spy) -> bool {
    matches!(spy.last_status().await, Status::Done { .. })
}

async fn until_handled(hooks: &Hooks, id: &str) {
    let since = Instant::now();
    loop {
        let reply = event(id).call(hooks).await;
        if reply.word() == "handled" {
            return;
        }
        assert_eq!(reply.status, 503, "{reply:?}");
        assert!(reply.retry_after().is_some(), "{reply:?}");
        assert!(since.elapsed() < secs(60), "it is never handled");
        sleep(Duration::from_millis(50)).await;
    }
}

with_every_store! {
    /// Through two receivers: answered `200` or `503`, and no `200` before the handler has ended.
    async fn case_08_a_thousand_concurrent_identical_deliveries_are_one_run(store: Arc<dyn Store>) {
        let probe = Probe::new([gated(Step::Succeed)]);
        let receivers = [(), ()].map(|()| {
            let hooks = probe.hooks().store(Arc::clone(&store)).max_in_flight(1024);
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
            match reply.status {
                200 => assert!(!early, "a lie: {reply:?}"),
                503 => assert!(reply.retry_after().is_some(), "{reply:?}"),
                _ => panic!("{reply:?}"),
            }
            handled += usize::from(reply.word() == "handled");
        }
        assert!(handled >= 1);
        assert_eq!(probe.count(), 1);
        assert_eq!(event("e1").call(&receivers[0]).await.word(), "duplicate");
    }

    /// Its owner cannot renew it, as if it had stalled: another delivery takes it over, and what that one did stands.
    async fn case_19_a_stalled_owner_has_lost_and_its_successor_stands(store: Arc<dyn Store>) {
        let spy = Spy::over(store);
        for step in [Step::Succeed, Step::Fail, Step::Refuse] {
            let probe = Probe::new([gated(step), Step::Succeed]);
            let build = || {
                let hooks = probe.hooks().store(spy.clone()).lease(secs(3));
                // Not a twin of the same process: one that looks at the store alone.
                hooks.duplicate_wait(Duration::from_millis(1)).build().unwrap()
            };
            let (stalled, successor) = (build(), build());
            let id = format!("e{}", spy.claims());
            spy.fail_renewals(true);
            let first = {
                let (hooks, delivery) = (stalled.clone(), event(&id));
                tokio::spawn(async move { delivery.call(&hooks).await })
            };
            probe.started().await;
            until_handled(&successor, &id).await;
            let settled = spy.last_status().await;
            assert!(matches!(settled, Status::Done { .. }), "{settled:?}");
            probe.open();
            assert_eq!(first.await.unwrap().word(), "duplicate");
            assert_eq!(spy.last_status().await, settled);
            let attempts: Vec<u32> = probe.runs().iter().map(|run| run.attempt).collect();
            assert_eq!(attempts, [1, 2]);
            assert_eq!(stalled.stats().lost, 1);
        }
    }

    /// Five leases long, under other deliveries of the same event.
    async fn case_20_a_healthy_handler_keeps_its_claim(store: Arc<dyn Store>) {
        let probe = Probe::new([Step::Sleep(secs(15), Box::new(Step::Succeed))]);
        let build = || {
            let hooks = probe.hooks().store(Arc::clone(&store)).lease(secs(3));
            hooks.duplicate_wait(Duration::from_millis(1)).build().unwrap()
        };
        let (first, second) = (build(), build());
        let running = tokio::spawn(async move { event("e1").call(&first).await });
        probe.started().await;
        while !running.is_finished() {
            let reply = event("e1").call(&second).await;
            assert!(reply.status == 503 || reply.word() == "duplicate", "{reply:?}");
            sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(running.await.unwrap().word(), "handled");
        assert_eq!(event("e1").call(&second).await.word(), "duplicate");
        assert_eq!(probe.count(), 1);
    }

    /// It is retried, and was handled either way; what could not be recorded is counted, and ends with its lease.
    async fn case_22_a_finish_that_fails_is_retried_while_the_lease_lasts(store: Arc<dyn Store>) {
        let (probe, spy) = (Probe::default(), Spy::over(store));
        let hooks = probe.hooks().store(spy.clone()).lease(secs(3)).build().unwrap();
        for failures in 1..=4 {
            let id = format!("e{failures}");
            spy.fail_finishes(failures);
            assert_eq!(event(&id).call(&hooks).await.word(), "handled");
            assert!(is_done(&spy).await, "{failures}");
        }
        assert_eq!((hooks.stats().store_errors, hooks.stats().unrecorded), (10, 0));
        // An answer that was lost.
        spy.lose_finish_answers(1);
        assert_eq!(event("lost").call(&hooks).await.word(), "handled");
        assert!(is_done(&spy).await);
        assert_eq!((hooks.stats().lost, probe.count()), (0, 5));

        spy.fail_finishes(usize::MAX);
        assert_eq!(event("never").call(&hooks).await.word(), "handled");
        assert_eq!(hooks.stats().unrecorded, 1);
        assert!(matches!(spy.last_status().await, Status::Running { .. }));
        spy.fail_finishes(0);
        until_handled(&hooks, "never").await;
        assert_eq!(probe.runs().last().map(|run| run.attempt), Some(2));
    }

    async fn case_30_two_sources_are_independent(store: Arc<dyn Store>) {
        let probe = Probe::default();
        let [one, other] = ["one", "other"].map(|source| {
            probe.hooks().store(Arc::clone(&store)).source(source).build().unwrap()
        });
        for hooks in [&one, &other] {
            assert_eq!(event("e1").call(hooks).await.word(), "handled");
        }
        for hooks in [&one, &other] {
            assert_eq!(event("e1").call(hooks).await.word(), "duplicate");
        }
        assert_eq!(probe.count(), 2);
    }
}
