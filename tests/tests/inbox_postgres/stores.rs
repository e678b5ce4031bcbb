//! Several stores, as in processes of their own: races for lanes, wake-ups, outages, and few
//! connections.

use crate::world::{
    Database, EVENT, RunLog, Working, accepting, handle, inbox_file, of_entity, quick, until_idle,
};
use apideck_hooks::store::{Acceptance, DeadLetter, End, Fetch, Held, InboxStore, Key, Store};
use apideck_hooks::{Delivery, Hooks, Outcome, PostgresStore, Retry, State, Tx, on, router};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::postgres::pool;
use apideck_hooks_tests::postgres::proxy::{Line, Proxy};
use apideck_hooks_tests::size::sized;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use sqlx::Row;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

fn key(kind: u8, n: u8) -> Key {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&[kind, n]);
    Key::from_bytes(bytes)
}

/// Stores race for the lanes, each with several tasks. Events come back at once, so that one fetch
/// after the other takes a lane. Now and then an earlier event than all others arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_08_stores_that_race_for_lanes_run_one_event_of_each_at_a_time() {
    const LANES: u8 = 2;
    let most = sized(3000);
    let file = inbox_file!();
    let lane_of = |record: Key| usize::from(record.to_bytes()[1] % LANES);
    let held: Arc<[AtomicBool; LANES as usize]> = Arc::default();
    let (runs, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let accept = async |store: &PostgresStore, n: u8| {
        let kept = DeadLetter::new("tests", "body").event("a.b.c", "id", "entity", "");
        let mut acceptance = Acceptance::new(key(1, n), kept);
        acceptance.lane = Some(key(2, n % LANES));
        acceptance.occurred_at = Some(1000 - i64::from(n));
        store.accept(acceptance).await.expect("an answer");
    };
    let first = file.store().await;
    for n in 0..10 {
        accept(&first, n).await;
    }
    let mut racers = Vec::new();
    for _ in 0..2 {
        let store = file.store().await;
        for _ in 0..3 {
            let (store, held) = (Arc::clone(&store), Arc::clone(&held));
            let (runs, lost) = (Arc::clone(&runs), Arc::clone(&lost));
            racers.push(tokio::spawn(async move {
                while runs.load(Ordering::SeqCst) < most {
                    let mut fetch = Fetch::new("tests", Arc::new(|_| true));
                    (fetch.limit, fetch.ordered) = (4, true);
                    let fetched = store.fetch(&fetch).await.expect("an answer");
                    for one in &fetched {
                        let lane = lane_of(one.grant.record);
                        assert!(!held[lane].swap(true, Ordering::SeqCst), "two runs in a lane");
                    }
                    runs.fetch_add(fetched.len(), Ordering::SeqCst);
                    for one in fetched {
                        held[lane_of(one.grant.record)].store(false, Ordering::SeqCst);
                        let end = End::Release { rest: Duration::ZERO };
                        let ended = store.finish(one.grant, end).await.expect("an answer");
                        lost.fetch_add(usize::from(ended != Held::Yes), Ordering::SeqCst);
                    }
                }
            }));
        }
    }
    for n in 10..200 {
        until("they race on", async || {
            runs.load(Ordering::SeqCst) >= most * usize::from(n) / 200
        })
        .await;
        accept(&first, n).await;
    }
    for racer in racers {
        racer.await.unwrap();
    }
    assert_eq!(lost.load(Ordering::SeqCst), 0);
}

/// The workers look once an hour, so only the other process can wake them.
#[tokio::test]
async fn workers_are_woken_by_events_that_other_processes_accept() {
    let file = inbox_file!();
    let (log, other_log) = (RunLog::default(), RunLog::default());
    let name = file.database.schema.replace("apideck_hooks_", "workers_");
    let options = file.database.options.clone().application_name(&name);
    let store = PostgresStore::builder(pool(options, 4)).schema(&file.database.schema);
    let store = Arc::new(store.build().unwrap());
    let hooks = accepting(Hooks::builder(router![handle]), store, &log)
        .build()
        .unwrap();
    let receiver = file.hooks(&other_log).await;
    let _workers = Working::begin(&hooks, quick().poll(Duration::from_secs(3600)));
    let listening = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND query LIKE 'LISTEN%'"
    );
    let listens = async || file.number(&listening).await == 1;
    until("they listen", listens).await;
    for n in 0..20 {
        event(EVENT, &format!("good-{n}"))
            .call(&receiver)
            .await
            .assert_accepted();
        log.until_begun(n + 1).await;
    }
    // After a lost connection the listener listens again, and looks for what it has missed.
    let end =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'");
    file.execute(&end).await;
    event(EVENT, "good-missed")
        .call(&receiver)
        .await
        .assert_accepted();
    log.until_begun(21).await;
    event(EVENT, "good-last").call(&receiver).await.assert_accepted();
    log.until_begun(22).await;
    until_idle(&hooks).await;
    assert!(other_log.begun().is_empty());
}

/// The workers look once an hour, and a fetch that fails has used the news of its event up.
#[tokio::test]
async fn a_fetch_that_failed_is_repeated() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    let _workers = Working::begin(&hooks, quick().poll(Duration::from_secs(3600)));
    event(EVENT, "good-1").call(&hooks).await.assert_accepted();
    log.until_begun(1).await;
    until_idle(&hooks).await;
    file.execute("ALTER FUNCTION fetch_v3 RENAME TO away").await;
    event(EVENT, "good-2").call(&hooks).await.assert_accepted();
    until("a fetch fails", async || hooks.stats().store_errors > 0).await;
    file.execute("ALTER FUNCTION away RENAME TO fetch_v3").await;
    log.until_begun(2).await;
    until_idle(&hooks).await;
}

/// The server is away for a while. The workers go on by themselves, and the runs of that time are
/// not lost and not repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_05_workers_survive_an_outage() {
    let file = inbox_file!();
    let log = RunLog::default();
    let options = &file.database.options;
    let proxy = Proxy::to(format!("{}:{}", options.get_host(), options.get_port())).await;
    let options = options.clone().host("127.0.0.1").port(proxy.addr.port());
    let store = PostgresStore::builder(pool(options, 4)).schema(&file.database.schema);
    let store = Arc::new(store.build().unwrap());
    let workers = accepting(Hooks::builder(router![handle]), store, &log)
        .store_timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    let receiver = file.hooks(&RunLog::default()).await;
    let _workers = Working::begin(&workers, quick());
    for (turn, line) in [Line::Cut, Line::Stalled].into_iter().enumerate() {
        let held = format!("hold-{turn}");
        event(EVENT, &held).call(&receiver).await.assert_accepted();
        until("it runs", async || log.count(&held) == 1).await;
        proxy.set(line);
        for n in 0..20 {
            event(EVENT, &format!("good-{turn}-{n}"))
                .call(&receiver)
                .await
                .assert_accepted();
        }
        sleep(Duration::from_secs(sized(1) as u64)).await;
        // The end of this run cannot be recorded before the outage is over.
        log.open(1);
        sleep(Duration::from_millis(500)).await;
        proxy.set(Line::Open);
        until_idle(&receiver).await;
    }
    let mut ids: Vec<_> = log.begun().into_iter().map(|(id, _)| id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 42);
    assert_eq!(
        file.number("SELECT count(*) FROM records WHERE phase <> 1").await,
        0
    );
}

#[on("vault.*")]
async fn in_transaction(
    delivery: Delivery,
    State(log): State<RunLog>,
    mut tx: Tx<Database>,
) -> Result<Outcome, sqlx::Error> {
    let effect = sqlx::query("INSERT INTO effects SELECT $1 FROM pg_sleep(0.002)");
    effect.bind(delivery.event_id()).execute(&mut *tx).await?;
    Ok(log.run(&delivery).await)
}

/// A receiver, workers with transactions and the user's own queries share a pool of four.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_19_a_pool_of_four_is_enough_for_all() {
    const EVENTS: usize = 150;
    let file = inbox_file!();
    file.execute("CREATE TABLE effects (event text NOT NULL)").await;
    let (log, shared) = (RunLog::default(), file.pool(4));
    let store = PostgresStore::builder(shared.clone()).schema(&file.database.schema);
    let store = Arc::new(store.connections(2).build().unwrap());
    let hooks = accepting(Hooks::builder(router![in_transaction, handle]), store, &log);
    let hooks = hooks.build().unwrap();
    let _workers = Working::begin(&hooks, quick().concurrency(32));
    let queries = (0..EVENTS).map(async |n| {
        let name = if n % 3 == 0 { "crm.lead.created" } else { EVENT };
        let accepted = event(name, &format!("good-{n}")).call(&hooks).await;
        accepted.assert_accepted();
        let row = sqlx::query("SELECT 1 FROM pg_sleep(0.001)")
            .fetch_one(&shared)
            .await;
        assert_eq!(row.unwrap().get::<i32, _>(0), 1);
    });
    join_all(queries).await;
    until_idle(&hooks).await;
    let effects = "SELECT count(DISTINCT event) * 1000 + count(*) FROM effects";
    assert_eq!(file.number(effects).await, 100 * 1000 + 100);
    assert_eq!(log.begun().len(), EVENTS);
}

/// Events of the largest allowed number of lanes are drained, whoever asks for how many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_09_a_backlog_of_many_lanes_is_fetched_in_order() {
    const LANES: u32 = 300;
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    let send = (0..4 * LANES).map(|n| {
        let (lane, second) = (n % LANES, n / LANES);
        of_entity(
            EVENT,
            &format!("good-{lane}-{second}"),
            &format!("l{lane}"),
            second,
        )
    });
    let send: Vec<_> = send.collect();
    for chunk in send.chunks(64) {
        for answer in join_all(chunk.iter().map(|event| event.call(&hooks))).await {
            answer.assert_accepted();
        }
    }
    let store = file.store().await;
    let mut fetch = Fetch::new("tests", Arc::new(|_| true));
    (fetch.limit, fetch.ordered) = (10_000, true);
    for second in 0..4 {
        let fetched = store.fetch(&fetch).await.unwrap();
        assert_eq!(fetched.len(), LANES as usize);
        for one in &fetched {
            assert!(
                one.kept.event_id.ends_with(&format!("-{second}")),
                "{}",
                one.kept.event_id
            );
        }
        assert!(store.fetch(&fetch).await.unwrap().is_empty());
        for one in fetched {
            assert_eq!(store.finish(one.grant, End::Done).await.unwrap(), Held::Yes);
        }
    }
    assert_eq!(
        file.number("SELECT count(*) FROM records WHERE phase <> 1").await,
        0
    );
}

/// A lane is found wherever its key is among those of the others, behind a long lane that is held.
/// So is an event without a lane.
#[tokio::test]
async fn a_long_lane_holds_no_other_event() {
    let file = inbox_file!();
    let store = file.store().await;
    let accept = async |n: u16, lane: Option<u8>| {
        let [high, low] = n.to_be_bytes();
        let kept = DeadLetter::new("tests", "body").event("a.b.c", "id", "entity", "");
        let mut acceptance = Acceptance::new(key(high + 1, low), kept);
        acceptance.lane = lane.map(|lane| Key::from_bytes([lane; 16]));
        store.accept(acceptance).await.expect("an answer")
    };
    for n in 0..250 {
        accept(n, Some(0xff)).await;
    }
    let mut fetch = Fetch::new("tests", Arc::new(|_| true));
    (fetch.ordered, fetch.limit) = (true, 1);
    assert_eq!(store.fetch(&fetch).await.unwrap().len(), 1);
    for (n, lane) in [(250, Some(0)), (251, None)] {
        let other = accept(n, lane).await.record;
        let fetched = store.fetch(&fetch).await.unwrap();
        assert_eq!(fetched.first().map(|fetched| fetched.grant.record), Some(other));
    }
}

/// Nobody runs the events of a fetch whose response is lost, so no attempt counts.
#[tokio::test]
async fn case_28_a_fetch_whose_response_is_lost_counts_no_attempt() {
    let file = inbox_file!();
    let options = &file.database.options;
    let proxy = Proxy::to(format!("{}:{}", options.get_host(), options.get_port())).await;
    let options = options.clone().host("127.0.0.1").port(proxy.addr.port());
    let store = PostgresStore::builder(pool(options, 2)).schema(&file.database.schema);
    let store = store.build().unwrap();
    let accept = async |n: u8| {
        let kept = DeadLetter::new("tests", "body").event("a.b.c", "id", "entity", "");
        store.accept(Acceptance::new(key(n, 0), kept)).await.unwrap();
    };
    accept(1).await;
    let fetch = || {
        let mut fetch = Fetch::new("tests", Arc::new(|_| true));
        fetch.limit = 10;
        fetch
    };
    let first = store.fetch(&fetch()).await.unwrap();
    assert_eq!(first.len(), 1);
    accept(2).await;
    accept(3).await;
    proxy.set(Line::CutAfter("fetch 0."));
    store.fetch(&fetch()).await.unwrap_err();
    proxy.set(Line::Open);
    let claimed = "SELECT count(*) FROM records WHERE phase = 0 AND attempts = 1";
    assert_eq!(file.number(claimed).await, 3);
    let fetched = store.fetch(&fetch()).await.unwrap();
    assert!(fetched.len() == 2 && fetched.iter().all(|fetched| fetched.attempt == 1));
    // The claim of the first one is as it was.
    assert_eq!(store.finish(first[0].grant, End::Done).await.unwrap(), Held::Yes);
}

/// A transaction that conflicts each time is a failure. Else its event would run for ever.
#[tokio::test]
async fn an_event_whose_transactions_always_conflict_is_dead_lettered() {
    let file = inbox_file!();
    file.execute("CREATE TABLE effects (event text NOT NULL)").await;
    let log = RunLog::default();
    let options = file.database.options.clone();
    let options = options.options([("default_transaction_isolation", "repeatable read")]);
    let store = PostgresStore::builder(pool(options, 4)).schema(&file.database.schema);
    let store = Arc::new(store.build().unwrap());
    let hooks = accepting(Hooks::builder(router![in_transaction]), store, &log);
    let hooks = hooks.build().unwrap();
    event(EVENT, "hold").call(&hooks).await.assert_accepted();
    let retry = Retry::exponential(Duration::from_millis(1)).attempts(2);
    let _workers = Working::begin(&hooks, quick().retry(retry));
    // Each of the two runs is tried three times in place.
    for run in 1..=6 {
        log.until_begun(run).await;
        // As the renewal of its lease does.
        file.execute("UPDATE records SET expires = expires + 1").await;
        log.open(1);
    }
    until("it is dead-lettered", async || hooks.stats().dead_letters == 1).await;
    assert_eq!(file.number("SELECT count(*) FROM effects").await, 0);
}

/// Nothing else paces a worker whose transactions cannot begin while its store answers.
#[tokio::test]
async fn an_event_whose_transaction_cannot_begin_is_not_claimed_many_times_a_second() {
    let file = inbox_file!();
    let log = RunLog::default();
    let shared = file.pool(4);
    let store = PostgresStore::builder(shared.clone()).schema(&file.database.schema);
    let store = Arc::new(store.build().unwrap());
    let hooks = accepting(Hooks::builder(router![in_transaction]), store, &log);
    let hooks = hooks.build().unwrap();
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    // The store's own connections are open, and no more can be opened, as with a changed password.
    shared.set_connect_options(file.database.options.clone().database("no_such_database"));
    let since = Instant::now();
    let _workers = Working::begin(&hooks, quick());
    until("it is tried again", async || hooks.stats().withdrawn >= 2).await;
    let most = since.elapsed().as_secs() + 1;
    assert!(hooks.stats().withdrawn <= most, "{most}");
    assert!(log.begun().is_empty());
    let attempts = "SELECT count(*) FROM records WHERE attempts > 1";
    assert_eq!(file.number(attempts).await, 0);
}
