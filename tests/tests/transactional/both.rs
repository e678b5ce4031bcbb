//! What holds on either database.

use super::EVENT;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::transactional::{Settings, World};
use futures_util::future::join_all;
use std::time::Duration;

/// A test on each database.
macro_rules! on_both {
    ($( $(#[$doc:meta])* async fn $name:ident($world:ident: &World) $body:block )*) => {
        $(
            mod $name {
                use super::*;

                $(#[$doc])*
                async fn case($world: &World) $body

                #[tokio::test(flavor = "multi_thread")]
                async fn postgres() {
                    if let Some(world) = World::postgres().await {
                        case(&world).await;
                    }
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn sqlite() {
                    if let Some(world) = World::sqlite().await {
                        case(&world).await;
                    }
                }
            }
        )*
    };
}

on_both! {
    async fn success_has_one_effect_and_a_mark(world: &World) {
        let probe = Probe::default();
        let hooks = world.hooks(&probe, Settings::default()).await;
        for word in ["handled", "duplicate", "duplicate"] {
            assert_eq!(Delivery::event(EVENT, "e1").call(&hooks).await.word(), word);
            assert_eq!((world.effects("e1").await, world.marks().await), (1, 1));
        }
        assert_eq!(probe.count(), 1);
    }

    /// An error, a panic and a time-out leave nothing behind but their count.
    async fn failure_has_no_effect_and_no_mark(world: &World) {
        let script = [Step::Fail, Step::Panic, Step::Gate(Box::new(Step::Succeed)), Step::Ignore];
        let probe = Probe::new(script);
        let settings = Settings { handler_timeout: Duration::from_secs(1), ..Settings::default() };
        let hooks = world.hooks(&probe, settings).await;
        let delivery = Delivery::event(EVENT, "e1");
        for attempt in 1..=3 {
            assert_eq!(delivery.call(&hooks).await.status, 500);
            assert_eq!((world.effects("e1").await, world.marks().await), (0, 0));
            assert_eq!(world.attempt().await, attempt);
        }
        assert_eq!(delivery.call(&hooks).await.word(), "ignored");
        assert_eq!((world.effects("e1").await, world.marks().await), (1, 1));
        let attempts: Vec<u32> = probe.runs().iter().map(|run| run.attempt).collect();
        assert_eq!(attempts, [1, 2, 3, 4]);
        let stats = hooks.stats();
        assert_eq!((stats.panics, stats.timeouts, stats.failed, stats.store_errors), (1, 1, 3, 0));
    }

    async fn fifty_duplicates_on_a_pool_of_ten_have_one_effect(world: &World) {
        let probe = Probe::new([Step::Sleep(Duration::from_millis(300), Box::new(Step::Succeed))]);
        let hooks = world.hooks(&probe, Settings::default()).await;
        let replies = join_all((0..50).map(|_| {
            let hooks = hooks.clone();
            tokio::spawn(async move { Delivery::event(EVENT, "e1").call(&hooks).await })
        }));
        for reply in replies.await {
            assert_eq!(reply.unwrap().status, 200);
        }
        assert_eq!((probe.count(), world.effects("e1").await, world.marks().await), (1, 1, 1));
    }
}
