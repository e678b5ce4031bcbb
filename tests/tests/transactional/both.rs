//! Tests on both databases.

use super::EVENT;
use apideck_hooks::store::LetterFilter;
use apideck_hooks::{Disposition, Hooks};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::transactional::{Settings, World};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

/// Defines a test for each database.
macro_rules! on_both {
    ($( $(#[$doc:meta])* async fn $name:ident($world:ident: &World) $body:block )*) => {
        $(
            mod $name {
                use super::*;

                $(#[$doc])*
                async fn check($world: &World) $body

                #[tokio::test(flavor = "multi_thread")]
                async fn postgres() {
                    if let Some(world) = World::postgres().await {
                        check(&world).await;
                    }
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn sqlite() {
                    if let Some(world) = World::sqlite().await {
                        check(&world).await;
                    }
                }
            }
        )*
    };
}

on_both! {
    async fn case_26_a_success_has_one_effect_and_a_done_record(world: &World) {
        let probe = Probe::default();
        let hooks = world.hooks(&probe, Settings::default()).await;
        for word in ["handled", "duplicate", "duplicate"] {
            assert_eq!(event(EVENT, "e1").call(&hooks).await.outcome(), word);
            assert_eq!((world.effects("e1").await, world.done_records().await), (1, 1));
        }
        assert_eq!(probe.count(), 1);
    }

    /// An error, a panic and a timeout leave no effect. Each is counted as an attempt.
    async fn case_26_a_failure_has_no_effect_and_no_done_record(world: &World) {
        let script = [Step::Fail, Step::Panic, Step::Gate(Box::new(Step::Succeed)), Step::Ignore];
        let probe = Probe::new(script);
        let store = world.store(10).await;
        let hooks = world.hooks_on(Arc::clone(&store), &probe, Settings::default());
        let settings = Settings { handler_timeout: Duration::from_secs(1), ..Settings::default() };
        let impatient = world.hooks_on(store, &probe, settings);
        let delivery = event(EVENT, "e1");
        for (attempt, hooks) in (1..).zip([&hooks, &hooks, &impatient]) {
            delivery.call(hooks).await.assert_status(500);
            assert_eq!((world.effects("e1").await, world.done_records().await), (0, 0));
            assert_eq!(world.attempt().await, attempt);
        }
        delivery.call(&hooks).await.assert_ignored();
        assert_eq!((world.effects("e1").await, world.done_records().await), (1, 1));
        let attempts: Vec<u32> = probe.runs().iter().map(|run| run.attempt).collect();
        assert_eq!(attempts, [1, 2, 3, 4]);
        let stats = hooks.stats();
        assert_eq!((stats.panics, stats.timeouts, stats.runs_failed, stats.store_errors), (1, 0, 2, 0));
        let stats = impatient.stats();
        assert_eq!((stats.panics, stats.timeouts, stats.runs_failed, stats.store_errors), (0, 1, 1, 0));
    }

    async fn case_26_fifty_duplicates_on_a_pool_of_ten_have_one_effect(world: &World) {
        let probe = Probe::new([Step::Sleep(Duration::from_millis(300), Box::new(Step::Succeed))]);
        let hooks = world.hooks(&probe, Settings::default()).await;
        let replies = join_all((0..50).map(|_| {
            let hooks = hooks.clone();
            tokio::spawn(async move { event(EVENT, "e1").call(&hooks).await })
        }));
        let mut handled = 0;
        for reply in replies.await {
            let reply = reply.unwrap();
            assert!([200, 503].contains(&reply.code()), "{reply:?}");
            // Eight of them wait, and the others are refused. One that comes when the run has ended
            // is a duplicate.
            handled += usize::from(reply.code() == 200 && reply.outcome() != "duplicate");
        }
        assert!((1..=9).contains(&handled), "{handled}");
        assert_eq!((probe.count(), world.effects("e1").await, world.done_records().await), (1, 1, 1));
    }
    /// A refused commit is a failure without an effect.
    async fn a_violated_deferred_constraint_is_a_failure(world: &World) {
        world
            .execute(
                "DROP TABLE effects; CREATE TABLE known (event text PRIMARY KEY);
                CREATE TABLE effects (
                    event text NOT NULL REFERENCES known (event) DEFERRABLE INITIALLY DEFERRED, attempt bigint
                )",
            )
            .await;
        let probe = Probe::default();
        let hooks = world.hooks(&probe, Settings::default()).await;
        let delivery = event(EVENT, "e1");
        delivery.call(&hooks).await.assert_status(500);
        assert_eq!((world.effects("e1").await, world.done_records().await, world.attempt().await), (0, 0, 1));
        world.execute("INSERT INTO known VALUES ('e1')").await;
        delivery.call(&hooks).await.assert_handled();
        assert_eq!((world.effects("e1").await, world.done_records().await, world.attempt().await), (1, 1, 2));
    }

    /// The dead letter is not a part of the transaction that was rolled back.
    async fn an_event_is_dead_lettered_after_its_last_attempt_and_can_be_replayed(world: &World) {
        let probe = Probe::new([Step::Fail, Step::Panic, Step::Fail]);
        let hooks = world.hooks(&probe, Settings { max_attempts: 2, ..Settings::default() }).await;
        let delivery = event(EVENT, "e1");
        for word in ["500", "dead_lettered", "duplicate"] {
            assert_eq!(delivery.call(&hooks).await.outcome(), word);
            assert_eq!((world.effects("e1").await, world.done_records().await), (0, 0));
        }
        let dead_letters = hooks.dead_letters().unwrap();
        let dead = dead_letters.list(&LetterFilter::new(), None, 10).await.unwrap();
        let [dead] = &dead[..] else { panic!("one dead letter: {dead:?}") };
        assert_eq!((dead.attempts, dead.letter.event_id.as_str()), (2, "e1"));
        assert_eq!(dead.letter.body, delivery.body());
        assert!(dead.letter.error.contains("panicked"), "{}", dead.letter.error);
        // The first replay fails, and the event is dead-lettered again.
        let replayed = dead_letters.replay(dead.record).await.unwrap();
        assert_eq!(replayed.disposition, Disposition::DeadLettered);
        assert_eq!((world.effects("e1").await, world.done_records().await), (0, 0));
        assert_eq!(dead_letters.list(&LetterFilter::new(), None, 10).await.unwrap().len(), 1);
        let replayed = dead_letters.replay(dead.record).await.unwrap();
        assert_eq!(replayed.disposition, Disposition::Handled);
        assert_eq!((world.effects("e1").await, world.done_records().await), (1, 1));
        assert!(dead_letters.list(&LetterFilter::new(), None, 10).await.unwrap().is_empty());
        delivery.call(&hooks).await.assert_duplicate();
        assert_eq!(probe.count(), 4);
    }

    async fn a_permanent_error_is_dead_lettered_at_once(world: &World) {
        let probe = Probe::new([Step::Refuse]);
        let hooks = world.hooks(&probe, Settings::default()).await;
        let delivery = event(EVENT, "e1");
        for word in ["dead_lettered", "duplicate"] {
            assert_eq!(delivery.call(&hooks).await.outcome(), word);
        }
        assert_eq!((world.effects("e1").await, world.done_records().await, probe.count()), (0, 0, 1));
        assert_eq!(hooks.dead_letters().unwrap().list(&LetterFilter::new(), None, 10).await.unwrap().len(), 1);
    }

    /// A handler that outlasts the grace period is rolled back and costs no attempt.
    async fn a_shutdown_rolls_back_the_handlers_it_stops(world: &World) {
        let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
        let hooks = world.hooks(&probe, Settings::default()).await;
        let delivery = event(EVENT, "e1");
        let calls = [(), ()].map(|()| {
            let (hooks, delivery) = (hooks.clone(), delivery.clone());
            tokio::spawn(async move { delivery.call(&hooks).await })
        });
        probe.started().await;
        let drained = hooks.shutdown(Duration::from_millis(200)).await;
        assert!(drained.stopped >= 1, "{drained:?}");
        for call in calls {
            let reply = call.await.unwrap();
            assert_eq!(reply.code(), 503);
            assert!(reply.retry_after().is_some());
        }
        assert_eq!((world.effects("e1").await, world.done_records().await, world.attempt().await), (0, 0, 0));
        drop(hooks);
        let hooks = world.hooks(&probe, Settings::default()).await;
        delivery.call(&hooks).await.assert_handled();
        assert_eq!(probe.runs().last().map(|run| run.attempt), Some(1));
        assert_eq!((world.effects("e1").await, world.done_records().await), (1, 1));
    }

    /// Transactional handlers and others share records: a lease of one blocks the other, and
    /// attempts add up.
    async fn transactional_and_other_handlers_share_records(world: &World) {
        let store = world.store(10).await;
        let other = Probe::new([Step::Gate(Box::new(Step::Fail)), Step::Succeed, Step::Refuse]);
        let plain = other.patient_hooks().store(Spy::over(Arc::clone(&store))).build().unwrap();
        let probe = Probe::new([Step::Succeed, Step::Fail]);
        let settings = Settings { duplicate_wait: Duration::from_millis(100), ..Settings::default() };
        let hooks = world.hooks_on(store, &probe, settings);
        let call = |hooks: &Hooks, id: &str| {
            let (hooks, delivery) = (hooks.clone(), event(EVENT, id));
            tokio::spawn(async move { delivery.call(&hooks).await })
        };

        let running = call(&plain, "e1");
        other.started().await;
        let busy = call(&hooks, "e1").await.unwrap();
        assert_eq!((busy.code(), probe.count()), (503, 0));
        assert_eq!(busy.retry_after(), Some(60), "what is left of the lease, at most a minute");
        other.open();
        assert_eq!(running.await.unwrap().code(), 500);
        call(&hooks, "e1").await.unwrap().assert_handled();
        assert_eq!(probe.runs()[0].attempt, 2);
        call(&plain, "e1").await.unwrap().assert_duplicate();

        // The other way around.
        assert_eq!(call(&hooks, "e2").await.unwrap().code(), 500);
        call(&plain, "e2").await.unwrap().assert_handled();
        assert_eq!(other.runs()[1].attempt, 2);
        call(&hooks, "e2").await.unwrap().assert_duplicate();
        call(&plain, "e3").await.unwrap().assert_dead_lettered();
        call(&hooks, "e3").await.unwrap().assert_duplicate();
        assert_eq!((probe.count(), other.count()), (2, 3));
        assert_eq!((world.effects("e1").await, world.effects("e2").await), (1, 0));
    }

    /// A delivery key that came with another event names the first one in every state.
    async fn case_05_a_reused_delivery_key_names_its_first_event(world: &World) {
        let probe = Probe::new([Step::Succeed, Step::Fail]);
        let hooks = world.hooks(&probe, Settings::default()).await;
        let with_key = |id: &str, key: &str| event(EVENT, id).header("x-apideck-idempotency-key", key);
        with_key("e1", "k1").call(&hooks).await.assert_handled();
        with_key("e2", "k1").call(&hooks).await.assert_duplicate();
        with_key("e3", "k3").call(&hooks).await.assert_status(500);
        with_key("e4", "k3").call(&hooks).await.assert_handled();
        with_key("e3", "k3").call(&hooks).await.assert_duplicate();
        assert_eq!(hooks.stats().recognised_by_header, 2);
        let ids: Vec<_> = probe.runs().into_iter().filter_map(|run| run.event_id).collect();
        assert_eq!(ids, ["e1", "e3", "e4"]);
        assert_eq!(probe.runs()[2].attempt, 2);
    }

    /// A duplicate gets the failure too. The next delivery is the next attempt.
    async fn a_duplicate_gets_the_outcome_of_the_run_that_it_waited_for(world: &World) {
        let probe = Probe::new([Step::Gate(Box::new(Step::Fail))]);
        let hooks = world.hooks(&probe, Settings::default()).await;
        let delivery = event(EVENT, "e1");
        let calls = [(), (), ()].map(|()| {
            let (hooks, delivery) = (hooks.clone(), delivery.clone());
            tokio::spawn(async move { delivery.call(&hooks).await })
        });
        probe.started().await;
        probe.open();
        // A duplicate that arrived after the failure is the next attempt itself.
        let mut words = Vec::new();
        for call in calls {
            words.push(call.await.unwrap().outcome());
        }
        assert!(words.contains(&"500".to_owned()), "{words:?}");
        assert!(delivery.call(&hooks).await.code() == 200);
        assert_eq!(probe.count(), 2);
        assert_eq!((world.effects("e1").await, world.done_records().await, world.attempt().await), (1, 1, 2));
    }

    async fn a_duplicate_is_503_after_its_wait(world: &World) {
        let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
        let settings = Settings { duplicate_wait: Duration::from_millis(100), ..Settings::default() };
        let hooks = world.hooks(&probe, settings).await;
        let delivery = event(EVENT, "e1");
        let first = {
            let (hooks, delivery) = (hooks.clone(), delivery.clone());
            tokio::spawn(async move { delivery.call(&hooks).await })
        };
        probe.started().await;
        let reply = delivery.call(&hooks).await;
        assert_eq!((reply.code(), probe.count()), (503, 1));
        assert!(reply.retry_after().is_some());
        probe.open();
        first.await.unwrap().assert_handled();
        delivery.call(&hooks).await.assert_duplicate();
    }
}
