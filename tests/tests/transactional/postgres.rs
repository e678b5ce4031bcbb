//! Tests on PostgreSQL alone: broken connections, lost responses, and waits of other processes.

use super::EVENT;
use apideck_hooks::Hooks;
use apideck_hooks::store::LetterFilter;
use apideck_hooks_tests::delivery::{Delivery, Reply};
use apideck_hooks_tests::postgres::Database;
use apideck_hooks_tests::postgres::proxy::{Line, Proxy};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::transactional::{Settings, World, postgres_hooks, postgres_store};
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A schema on the server. Without a server the test returns.
macro_rules! world {
    () => {
        match World::postgres().await {
            Some(world) => world,
            None => return,
        }
    };
}

fn database(world: &World) -> &Database {
    match world {
        World::Postgres(database) => database,
        World::Sqlite(_) => unreachable!("made in PostgreSQL"),
    }
}

fn call(hooks: &Hooks, id: &str) -> JoinHandle<Reply> {
    let (hooks, delivery) = (hooks.clone(), Delivery::event(EVENT, id));
    tokio::spawn(async move { delivery.call(&hooks).await })
}

fn gated(step: Step) -> Step {
    Step::Gate(Box::new(step))
}

/// Counts the idle transactions of handlers.
const OPEN: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE application_name = current_schema() AND state LIKE 'idle in transaction%'";

const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = current_schema() AND state LIKE 'idle in transaction%'";

#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_killed_connection_leaves_no_effect_and_no_done_record() {
    let world = world!();
    let probe = Probe::new([gated(Step::Succeed), gated(Step::Fail)]);
    let hooks = world.hooks(&probe, Settings::default()).await;
    for attempt in 1..=2 {
        let running = call(&hooks, "e1");
        probe.started().await;
        assert_eq!(world.number(TERMINATE).await, 1);
        probe.open();
        assert_eq!(running.await.unwrap().status, 500);
        assert_eq!((world.effects("e1").await, world.done_records().await), (0, 0));
        assert_eq!(world.attempt().await, attempt);
    }
    assert_eq!(call(&hooks, "e1").await.unwrap().word(), "handled");
    assert_eq!(
        (
            world.effects("e1").await,
            world.done_records().await,
            world.attempt().await
        ),
        (1, 1, 3)
    );
}

/// Sends the event until it is handled.
async fn until_handled(hooks: &Hooks, id: &str) {
    until("it is handled", async || {
        let reply = call(hooks, id).await.unwrap();
        assert!([200, 500, 503].contains(&reply.status), "{reply:?}");
        reply.status == 200
    })
    .await;
}

async fn behind_proxy(world: &World, probe: &Probe) -> (Hooks, Proxy) {
    let database = database(world);
    let (host, port) = (database.options.get_host(), database.options.get_port());
    let proxy = Proxy::to(format!("{host}:{port}")).await;
    let options = database.options.clone().host("127.0.0.1").port(proxy.addr.port());
    let store = postgres_store(&database.schema, options, 4);
    let settings = Settings {
        lease: Duration::from_secs(3),
        ..Settings::default()
    };
    (postgres_hooks(probe, store, settings), proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_lost_response_to_the_commit_is_503_then_200_with_one_effect() {
    let world = world!();
    let probe = Probe::default();
    let (hooks, proxy) = behind_proxy(&world, &probe).await;
    proxy.set(Line::CutAfterCommit);
    let reply = call(&hooks, "e1").await.unwrap();
    assert_eq!(reply.status, 503);
    assert!(reply.retry_after().is_some());
    // The transaction was committed.
    assert_eq!((world.effects("e1").await, world.done_records().await), (1, 1));
    proxy.set(Line::Open);
    assert_eq!(call(&hooks, "e1").await.unwrap().word(), "duplicate");
    assert_eq!(
        (
            world.effects("e1").await,
            world.done_records().await,
            probe.count()
        ),
        (1, 1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_commit_that_never_arrives_is_503_then_200_with_one_effect() {
    let world = world!();
    let probe = Probe::default();
    let (hooks, proxy) = behind_proxy(&world, &probe).await;
    proxy.set(Line::CutBeforeCommit);
    assert_eq!(call(&hooks, "e1").await.unwrap().status, 503);
    proxy.set(Line::Open);
    // The server rolls back when the connection ends. The claim ends with its lease.
    until_handled(&hooks, "e1").await;
    assert_eq!(
        (
            world.effects("e1").await,
            world.done_records().await,
            probe.count()
        ),
        (1, 1, 2)
    );
}

/// Fifty receivers share ten connections, like fifty processes. They see each other's runs only in
/// the database.
#[tokio::test(flavor = "multi_thread")]
async fn case_26_fifty_receivers_on_a_pool_of_ten_have_one_effect_and_no_deadlock() {
    let world = world!();
    let store = world.store(10).await;
    let probe = Probe::new([Step::Sleep(Duration::from_millis(500), Box::new(Step::Succeed))]);
    let calls = (0..50).map(|_| {
        call(
            &world.hooks_on(Arc::clone(&store), &probe, Settings::default()),
            "e1",
        )
    });
    let calls: Vec<_> = calls.collect();
    for reply in join_all(calls).await {
        assert_eq!(reply.unwrap().status, 200);
    }
    assert_eq!(
        (
            probe.count(),
            world.effects("e1").await,
            world.done_records().await
        ),
        (1, 1, 1)
    );
}

/// The first runs fail, and other receivers take over.
#[tokio::test(flavor = "multi_thread")]
async fn case_26_fifty_receivers_on_a_pool_of_ten_survive_failures() {
    let world = world!();
    let store = world.store(10).await;
    let probe = Probe::new([
        Step::Sleep(Duration::from_millis(200), Box::new(Step::Fail)),
        Step::Panic,
    ]);
    let calls = (0..50).map(|_| {
        call(
            &world.hooks_on(Arc::clone(&store), &probe, Settings::default()),
            "e1",
        )
    });
    let calls: Vec<_> = calls.collect();
    for reply in join_all(calls).await {
        let word = reply.unwrap().word();
        assert!(
            ["handled", "duplicate", "500", "503"].contains(&word.as_str()),
            "{word}"
        );
    }
    // A duplicate of a failed run has failed too, so the event may wait for another delivery.
    until_handled(&world.hooks_on(store, &probe, Settings::default()), "e1").await;
    assert_eq!(probe.count(), 3);
    assert_eq!((world.effects("e1").await, world.done_records().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_waits_a_limited_time_for_the_run() {
    let world = world!();
    let probe = Probe::new([gated(Step::Succeed), Step::Succeed]);
    let one = world.hooks(&probe, Settings::default()).await;
    let wait = Duration::from_secs(3);
    let settings = Settings {
        duplicate_wait: wait,
        ..Settings::default()
    };
    let impatient = world.hooks(&probe, settings).await;
    let two = world.hooks(&probe, Settings::default()).await;
    let running = call(&one, "e1");
    probe.started().await;
    let since = Instant::now();
    let reply = call(&impatient, "e1").await.unwrap();
    assert_eq!(reply.status, 503);
    assert!(reply.retry_after().is_some());
    assert!(since.elapsed() >= wait, "{:?}", since.elapsed());
    assert_eq!(impatient.stats().busy, 1);
    // This duplicate gets the outcome in time.
    let waiting = call(&two, "e1");
    probe.open();
    assert_eq!(running.await.unwrap().word(), "handled");
    assert_eq!(waiting.await.unwrap().word(), "duplicate");
    assert_eq!((probe.count(), world.effects("e1").await), (1, 1));
}

/// With thirty events on a pool of four, two handlers run at a time.
#[tokio::test(flavor = "multi_thread")]
async fn one_connection_always_stays_free() {
    let world = world!();
    let probe = Probe::new((0..30).map(|_| gated(Step::Succeed)));
    let settings = Settings {
        connections: 4,
        ..Settings::default()
    };
    let hooks = world.hooks(&probe, settings).await;
    let calls: Vec<_> = (0..30).map(|n| call(&hooks, &format!("e{n}"))).collect();
    for opened in 0..30 {
        probe.started().await;
        if opened >= 1 {
            let open = world.number(OPEN).await;
            assert!(open <= 2, "{open}");
            let letters = hooks.dead_letters().unwrap();
            assert_eq!(letters.count(&LetterFilter::new()).await.unwrap(), 0);
            probe.open();
        }
    }
    probe.open();
    for call in calls {
        assert_eq!(call.await.unwrap().word(), "handled");
    }
    assert_eq!(world.done_records().await, 30);
}

/// A delivery without a connection in time is refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_pool_is_503() {
    let world = world!();
    let probe = Probe::new([gated(Step::Succeed)]);
    let store = world.store(3).await;
    let hooks = world.hooks_on(Arc::clone(&store), &probe, Settings::default());
    let settings = Settings {
        store_timeout: Duration::from_millis(300),
        ..Settings::default()
    };
    let impatient = world.hooks_on(store, &probe, settings);
    let running = call(&hooks, "e1");
    probe.started().await;
    let reply = call(&impatient, "e2").await.unwrap();
    assert_eq!((reply.status, reply.retry_after()), (503, Some(10)));
    assert_eq!(impatient.stats().overloaded, 1);
    probe.open();
    assert_eq!(running.await.unwrap().word(), "handled");
    assert_eq!(call(&hooks, "e2").await.unwrap().word(), "handled");
}
