//! Tests on PostgreSQL alone: broken connections, lost responses, lost claims, conflicts and
//! limits.

use super::EVENT;
use apideck_hooks::Hooks;
use apideck_hooks::testing::Answer;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::log::Log;
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

fn call(hooks: &Hooks, id: &str) -> JoinHandle<Answer> {
    let (hooks, delivery) = (hooks.clone(), event(EVENT, id));
    tokio::spawn(async move { delivery.call(&hooks).await })
}

fn gated(step: Step) -> Step {
    Step::Gate(Box::new(step))
}

/// The effects of `e1`, all done records, and the runs.
async fn counts(world: &World, probe: &Probe) -> (i64, i64, usize) {
    let (effects, done) = (world.effects("e1").await, world.done_records().await);
    (effects, done, probe.count())
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
        assert_eq!(running.await.unwrap().code(), 500);
        assert_eq!((world.effects("e1").await, world.done_records().await), (0, 0));
        assert_eq!(world.attempt().await, attempt);
    }
    call(&hooks, "e1").await.unwrap().assert_handled();
    assert_eq!(
        (
            world.effects("e1").await,
            world.done_records().await,
            world.attempt().await
        ),
        (1, 1, 3)
    );
}

async fn behind_proxy(world: &World, probe: &Probe) -> (Hooks, Proxy) {
    let database = database(world);
    let (host, port) = (database.options.get_host(), database.options.get_port());
    let proxy = Proxy::to(format!("{host}:{port}")).await;
    let options = database.options.clone().host("127.0.0.1").port(proxy.addr.port());
    let store = postgres_store(&database.schema, options, 4);
    (postgres_hooks(probe, store, Settings::default()), proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_lost_response_to_the_commit_is_503_then_200_with_one_effect() {
    let world = world!();
    let probe = Probe::default();
    let (hooks, proxy) = behind_proxy(&world, &probe).await;
    proxy.set(Line::CutAfter("COMMIT"));
    let reply = call(&hooks, "e1").await.unwrap();
    assert_eq!(reply.code(), 503);
    assert!(reply.retry_after().is_some());
    // The transaction was committed.
    assert_eq!((world.effects("e1").await, world.done_records().await), (1, 1));
    proxy.set(Line::Open);
    call(&hooks, "e1").await.unwrap().assert_duplicate();
    assert_eq!(counts(&world, &probe).await, (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_commit_that_never_arrives_is_503_then_200_with_one_effect() {
    let world = world!();
    let probe = Probe::default();
    let (hooks, proxy) = behind_proxy(&world, &probe).await;
    proxy.set(Line::CutBefore("COMMIT"));
    assert_eq!(call(&hooks, "e1").await.unwrap().code(), 503);
    proxy.set(Line::Open);
    // The server rolls back when the connection ends. The claim ends with its lease.
    assert_eq!((world.effects("e1").await, world.done_records().await), (0, 0));
    world.end_leases().await;
    call(&hooks, "e1").await.unwrap().assert_handled();
    assert_eq!(counts(&world, &probe).await, (1, 1, 2));
}

/// The record tells that the transaction was committed.
#[tokio::test(flavor = "multi_thread")]
async fn case_26_an_error_of_a_pooler_after_the_commit_is_a_duplicate() {
    let world = world!();
    let probe = Probe::default();
    let (hooks, proxy) = behind_proxy(&world, &probe).await;
    proxy.set(Line::RefuseAfter("COMMIT"));
    call(&hooks, "e1").await.unwrap().assert_duplicate();
    assert_eq!(counts(&world, &probe).await, (1, 1, 1));
}

/// The commit begins an empty transaction, which ends when the connection comes back to its pool.
#[tokio::test(flavor = "multi_thread")]
async fn a_handled_event_leaves_no_transaction_open() {
    let world = world!();
    let hooks = world.hooks(&Probe::default(), Settings::default()).await;
    call(&hooks, "e1").await.unwrap().assert_handled();
    until("no transaction is open", async || world.number(OPEN).await == 0).await;
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
        assert_eq!(reply.unwrap().code(), 200);
    }
    assert_eq!(counts(&world, &probe).await, (1, 1, 1));
}

/// The first runs fail. The senders retry, and one more run handles the event.
#[tokio::test(flavor = "multi_thread")]
async fn case_26_fifty_receivers_on_a_pool_of_ten_survive_failures() {
    let world = world!();
    let store = world.store(10).await;
    let probe = Probe::new([
        Step::Sleep(Duration::from_millis(200), Box::new(Step::Fail)),
        Step::Panic,
    ]);
    let calls = (0..50).map(|_| {
        let hooks = world.hooks_on(Arc::clone(&store), &probe, Settings::default());
        tokio::spawn(async move {
            loop {
                let word = call(&hooks, "e1").await.unwrap().outcome();
                if !["500", "503"].contains(&word.as_str()) {
                    return word;
                }
            }
        })
    });
    let calls: Vec<_> = calls.collect();
    let mut handled = 0;
    for word in join_all(calls).await {
        let word = word.unwrap();
        // A receiver that waits is told that it was handled, too.
        assert!(["handled", "duplicate"].contains(&word.as_str()), "{word}");
        handled += usize::from(word == "handled");
    }
    assert_eq!((handled, probe.count()), (1, 3));
    assert_eq!((world.effects("e1").await, world.done_records().await), (1, 1));
}

/// Another claim has taken the event over, because this one's lease was over. The handler's effects
/// are rolled back.
#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_claim_that_was_lost_meanwhile_has_no_effect() {
    let world = world!();
    let store = world.store(10).await;
    let (stalled, fast) = (Probe::new([gated(Step::Succeed)]), Probe::default());
    let one = world.hooks_on(Arc::clone(&store), &stalled, Settings::default());
    let two = world.hooks_on(Arc::clone(&store), &fast, Settings::default());
    let running = call(&one, "e1");
    stalled.started().await;
    world.end_leases().await;
    call(&two, "e1").await.unwrap().assert_handled();
    stalled.open();
    running.await.unwrap().assert_duplicate();
    assert_eq!((world.effects("e1").await, world.done_records().await), (1, 1));
    let second = "SELECT count(*) FROM effects WHERE attempt = 2";
    assert_eq!(world.number(second).await, 1);
}

/// Two handlers under `SERIALIZABLE` that each read what the other one writes. The second one to
/// end cannot commit. It runs again in place, and no attempt counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_of_a_serializable_transaction_is_no_attempt() {
    let world = world!();
    world
        .execute(
            "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM count(*) FROM effects; RETURN NEW; END $$;
            CREATE TRIGGER look BEFORE INSERT ON effects FOR EACH ROW EXECUTE FUNCTION look()",
        )
        .await;
    let options = database(&world).options.clone();
    let options = options.options([("default_transaction_isolation", "serializable")]);
    let store = postgres_store(&database(&world).schema, options, 10);
    let probe = Probe::new([gated(Step::Succeed), gated(Step::Succeed)]);
    let hooks = postgres_hooks(&probe, store, Settings::default());
    let calls = ["e1", "e2"].map(|id| call(&hooks, id));
    for _ in 0..2 {
        probe.started().await;
    }
    for done in 1..=2 {
        probe.open();
        until("one more is done", async || world.done_records().await == done).await;
    }
    for call in calls {
        call.await.unwrap().assert_handled();
    }
    assert_eq!(probe.count(), 3, "the second one ran twice");
    assert!(probe.runs().iter().all(|run| run.attempt == 1));
    assert_eq!((world.done_records().await, world.attempt().await), (2, 1));
    for id in ["e1", "e2"] {
        assert_eq!(world.effects(id).await, 1);
    }
}

/// A commit that conflicts each time. The claim is withdrawn, and each place tells it.
#[tokio::test]
async fn a_commit_that_conflicts_each_time_is_told_and_is_no_attempt() {
    let world = world!();
    world
        .execute(
            "CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'of another transaction' USING ERRCODE = 'serialization_failure'; END $$;
            CREATE CONSTRAINT TRIGGER conflict AFTER INSERT ON effects
            INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION conflict()",
        )
        .await;
    let (log, _guard) = Log::capture();
    let probe = Probe::default();
    let hooks = world.hooks(&probe, Settings::default()).await;
    assert_eq!(call(&hooks, "e1").await.unwrap().code(), 503);
    let stats = hooks.stats();
    assert_eq!((stats.conflict, stats.requests, stats.runs_conflicted), (1, 1, 3));
    assert_eq!(log.count("conflicted with others each time"), 1);
    let line = log.lines().pop().expect("a line");
    assert!(line.contains("conflict") && line.contains("status=503"), "{line}");
    world.execute("DROP TRIGGER conflict ON effects").await;
    call(&hooks, "e1").await.unwrap().assert_handled();
    assert_eq!((world.effects("e1").await, world.attempt().await), (1, 1));
    assert_eq!(probe.count(), 4);
}

/// A handler's statements have the settings of the pool and not those of the store.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_has_the_settings_of_the_pool() {
    let world = world!();
    world
        .execute(
            "CREATE TABLE settings (lock text, statement text);
            CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO settings VALUES (current_setting('lock_timeout'), current_setting('statement_timeout'));
                RETURN NEW;
            END $$;
            CREATE TRIGGER see BEFORE INSERT ON effects FOR EACH ROW EXECUTE FUNCTION see()",
        )
        .await;
    let options = database(&world).options.clone();
    let options = options.options([("lock_timeout", "7s"), ("statement_timeout", "77s")]);
    let store = postgres_store(&database(&world).schema, options, 3);
    let probe = Probe::default();
    let hooks = postgres_hooks(&probe, store, Settings::default());
    for n in 0..3 {
        call(&hooks, &format!("e{n}")).await.unwrap().assert_handled();
    }
    let seen = "SELECT count(*) FROM settings WHERE lock = '7s' AND statement = '77s'";
    assert_eq!(world.number(seen).await, 3);
}

/// Another process sees the run in the database alone. Its duplicate waits for the outcome.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_waits_a_limited_time_for_the_outcome() {
    let world = world!();
    let probe = Probe::new([gated(Step::Succeed), Step::Succeed]);
    let one = world.hooks(&probe, Settings::default()).await;
    let wait = Duration::from_secs(2);
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
    assert_eq!(reply.code(), 503);
    assert!(reply.retry_after().is_some());
    assert!(since.elapsed() >= wait, "{:?}", since.elapsed());
    // This duplicate gets the outcome in time.
    let waiting = call(&two, "e1");
    probe.open();
    running.await.unwrap().assert_handled();
    waiting.await.unwrap().assert_duplicate();
    assert_eq!((probe.count(), world.effects("e1").await), (1, 1));
}

/// With thirty events on a pool of four, two handlers run at a time, and two connections are left.
#[tokio::test(flavor = "multi_thread")]
async fn two_connections_of_the_pool_always_stay_free() {
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
            probe.open();
        }
    }
    probe.open();
    for call in calls {
        call.await.unwrap().assert_handled();
    }
    assert_eq!(world.done_records().await, 30);
}

/// A delivery without a transaction in time is refused, and is no attempt.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_transactions_are_503() {
    let world = world!();
    let probe = Probe::new([gated(Step::Succeed)]);
    let store = world.store(3).await;
    let hooks = world.hooks_on(Arc::clone(&store), &probe, Settings::default());
    let settings = Settings {
        store_timeout: Duration::from_millis(500),
        ..Settings::default()
    };
    let impatient = world.hooks_on(store, &probe, settings);
    let running = call(&hooks, "e1");
    probe.started().await;
    let reply = call(&impatient, "e2").await.unwrap();
    assert_eq!(reply.code(), 503);
    assert!(reply.retry_after().is_some());
    assert_eq!(impatient.stats().busy, 1);
    probe.open();
    running.await.unwrap().assert_handled();
    call(&hooks, "e2").await.unwrap().assert_handled();
    assert!(probe.runs().iter().all(|run| run.attempt == 1));
}
