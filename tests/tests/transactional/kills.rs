//! Receivers in processes of their own, killed at every step. An event has both its effect and a
//! done record, or neither.

use super::EVENT;
use apideck_hooks::testing::Event;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::postgres::Database;
use apideck_hooks_tests::transactional::{World, file};
use apideck_hooks_tests::waiting;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection};
use std::collections::HashMap;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::sleep;

fn command(world: &World) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transactional-receiver"));
    match world {
        World::Postgres(database) => command.env("SCHEMA", &database.schema),
        World::Sqlite(directory) => command.env("DATABASE", file(directory)),
    };
    command
}

async fn start(world: &World) -> Receiver {
    Receiver::of(command(world)).await
}

/// Starts a receiver whose claims end soon after its kill. In SQLite they end with the process.
async fn start_with_short_lease(world: &World) -> Receiver {
    let mut command = command(world);
    if matches!(world, World::Postgres(_)) {
        command.env("LEASE_MS", LEASE.as_millis().to_string());
    }
    Receiver::of(command).await
}

async fn kill(receiver: Receiver) {
    receiver.signal("KILL").await;
    assert!(!receiver.wait().await.success());
}

/// Sends a delivery to a receiver that dies before its response.
fn send_in_vain(receiver: &Receiver, delivery: &Event) -> tokio::task::JoinHandle<bool> {
    let (delivery, addr) = (delivery.clone(), receiver.addr);
    tokio::spawn(async move { delivery.try_send(addr).await.is_err() })
}

/// Checks that the next receiver handles the event or knows it.
async fn is_handled_once(world: &World, id: &str) {
    world.end_leases().await;
    let receiver = start(world).await;
    let delivery = event(EVENT, id);
    delivery.send(receiver.addr).await.assert_status(200);
    assert_eq!(
        (world.effects(id).await, world.done_records().await),
        (1, 1),
        "{id}"
    );
    delivery.send(receiver.addr).await.assert_duplicate();
    kill(receiver).await;
}

/// Kills the receiver before the effect and after it. Each run is an attempt.
async fn killed_in_the_handler(world: &World) {
    // The event id selects where the handler stops.
    for (place, attempts) in [("before", [1, 2]), ("after", [1, 2])] {
        for attempt in attempts {
            let mut receiver = start(world).await;
            let delivery = event(EVENT, place);
            let lost = send_in_vain(&receiver, &delivery);
            receiver.line(&format!("{place} {place}")).await;
            kill(receiver).await;
            assert!(lost.await.unwrap());
            if let World::Postgres(_) = world {
                // The server must have noticed the kill.
                until(world, THERE, 0).await;
            }
            assert_eq!((world.effects(place).await, world.done_records().await), (0, 0));
            assert!(world.attempt().await >= attempt);
            world.end_leases().await;
        }
    }
    is_handled_once(world, "whole").await;
}

/// A handler that kills its process each time has used its attempts up in the end.
async fn killed_by_its_handler(world: &World) {
    let delivery = event(EVENT, "fatal");
    for attempt in 1..=8 {
        let receiver = start(world).await;
        assert!(delivery.try_send(receiver.addr).await.is_err());
        assert!(!receiver.wait().await.success());
        if let World::Postgres(_) = world {
            until(world, THERE, 0).await;
        }
        assert_eq!(
            (world.effects("fatal").await, world.attempt().await),
            (0, attempt)
        );
        world.end_leases().await;
    }
    let receiver = start(world).await;
    for word in ["dead_lettered", "duplicate"] {
        assert_eq!(delivery.send(receiver.addr).await.outcome(), word);
    }
    assert_eq!((world.effects("fatal").await, world.attempt().await), (0, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_18_a_handler_that_kills_its_process_is_dead_lettered_on_postgres() {
    if let Some(world) = World::postgres().await {
        killed_by_its_handler(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_18_a_handler_that_kills_its_process_is_dead_lettered_on_sqlite() {
    if let Some(world) = World::sqlite().await {
        killed_by_its_handler(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_kill_in_the_handler_leaves_no_effect_on_postgres() {
    if let Some(world) = World::postgres().await {
        killed_in_the_handler(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_kill_in_the_handler_leaves_no_effect_on_sqlite() {
    if let Some(world) = World::sqlite().await {
        killed_in_the_handler(&world).await;
    }
}

/// Connects as another program, in the schema of the test.
async fn other(database: &Database) -> PgConnection {
    let options = database.options.clone();
    let options = options.options([("search_path", &database.schema)]);
    options.connect().await.unwrap()
}

/// Waits until a query has this result.
async fn until(world: &World, sql: &str, result: i64) {
    waiting::until(sql, async || world.number(sql).await == result).await;
}

const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE application_name = current_schema() AND wait_event_type = 'Lock'";
const THERE: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_schema()";

/// A lock holds up the server during the claim, the effect, the finish or the commit. Then the
/// receiver is killed.
#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_kill_during_any_statement_leaves_an_effect_and_a_done_record_or_neither() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let World::Postgres(database) = &world else {
        return;
    };
    world
        .execute(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(hashtext(current_schema())); RETURN NEW; END $$",
        )
        .await;
    let hold = "SELECT pg_advisory_lock(hashtext(current_schema()))";
    let places = [
        (
            "claim",
            "CREATE TRIGGER hold BEFORE INSERT ON records FOR EACH ROW EXECUTE FUNCTION hold()",
        ),
        (
            "effect",
            "CREATE TRIGGER hold BEFORE INSERT ON effects FOR EACH ROW EXECUTE FUNCTION hold()",
        ),
        (
            "finish",
            "CREATE TRIGGER hold BEFORE UPDATE ON records FOR EACH ROW WHEN (NEW.phase = 1)
            EXECUTE FUNCTION hold()",
        ),
        (
            "commit",
            "CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION hold()",
        ),
    ];
    for (place, trigger) in places {
        world.execute(trigger).await;
        let mut holder = other(database).await;
        holder.execute(AssertSqlSafe(hold)).await.unwrap();
        let receiver = start(&world).await;
        let lost = send_in_vain(&receiver, &event(EVENT, place));
        until(&world, WAITING, 1).await;
        kill(receiver).await;
        assert!(lost.await.unwrap());
        assert_eq!(
            (world.effects(place).await, world.done_records().await),
            (0, 0),
            "{place}"
        );
        drop(holder);
        until(&world, THERE, 0).await;
        // Only a commit that the server had received is carried out. It comes with the finish.
        let done = i64::from(["finish", "commit"].contains(&place));
        assert_eq!(
            (world.effects(place).await, world.done_records().await),
            (done, done),
            "{place}"
        );
        world
            .execute("DROP TRIGGER IF EXISTS hold ON records; DROP TRIGGER IF EXISTS hold ON effects")
            .await;
        is_handled_once(&world, place).await;
        world.execute("TRUNCATE records, aliases, effects").await;
    }
}

/// A kill while a failure is recorded leaves no effect. The run was an attempt.
#[tokio::test(flavor = "multi_thread")]
async fn case_26_a_kill_during_the_release_leaves_an_attempt_and_no_effect() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let World::Postgres(database) = &world else {
        return;
    };
    let hold = "SELECT pg_advisory_lock(hashtext(current_schema()))";
    world
        .execute(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(hashtext(current_schema())); RETURN NEW; END $$;
            CREATE TRIGGER hold BEFORE UPDATE ON records FOR EACH ROW WHEN (NEW.phase = 2)
            EXECUTE FUNCTION hold()",
        )
        .await;
    let mut holder = other(database).await;
    holder.execute(AssertSqlSafe(hold)).await.unwrap();
    let receiver = start(&world).await;
    let delivery = event(EVENT, "flaky");
    let lost = send_in_vain(&receiver, &delivery);
    until(&world, WAITING, 1).await;
    kill(receiver).await;
    assert!(lost.await.unwrap());
    drop(holder);
    until(&world, THERE, 0).await;
    assert_eq!((world.attempt().await, world.effects("flaky").await), (1, 0));
    world.end_leases().await;
    let receiver = start(&world).await;
    delivery.send(receiver.addr).await.assert_handled();
    assert_eq!((world.effects("flaky").await, world.attempt().await), (1, 2));
    kill(receiver).await;
}

const EVENTS: usize = 400;
const SENDERS: usize = 8;
const KILLS: usize = 8;
const LEASE: Duration = Duration::from_secs(2);

/// Kills the receiver again and again under senders that retry. Each event has exactly one effect.
async fn killed_again_and_again(world: &World) {
    let mut receiver = start_with_short_lease(world).await;
    let (addr, addrs) = tokio::sync::watch::channel(receiver.addr);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let addrs = addrs.clone();
            tokio::spawn(async move {
                for n in (sender..EVENTS).step_by(SENDERS) {
                    let kind = if n % 5 == 0 { "flaky" } else { "e" };
                    let delivery = event(EVENT, &format!("{kind}{n}"));
                    loop {
                        let addr = *addrs.borrow();
                        match delivery.try_send(addr).await {
                            Ok(reply) if reply.code() == 200 => break,
                            Ok(reply) => assert!([500, 503].contains(&reply.code()), "{}", reply.code()),
                            Err(_) => {}
                        }
                        sleep(Duration::from_millis(5)).await;
                    }
                }
            })
        })
        .collect();
    for kills in 1..=KILLS {
        waiting::until("some more are settled", async || {
            world.done_records().await >= (EVENTS * kills / (KILLS + 1)) as i64
        })
        .await;
        kill(receiver).await;
        receiver = start_with_short_lease(world).await;
        addr.send_replace(receiver.addr);
    }
    for sender in senders {
        sender.await.unwrap();
    }
    kill(receiver).await;
    let mut counts = HashMap::new();
    for (what, sql) in [
        ("effects", "SELECT count(*) FROM effects"),
        ("events", "SELECT count(DISTINCT event) FROM effects"),
    ] {
        counts.insert(what, world.number(sql).await);
    }
    assert_eq!(
        (counts["effects"], counts["events"]),
        (EVENTS as i64, EVENTS as i64)
    );
    assert_eq!(world.done_records().await, EVENTS as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_26_eight_kills_under_load_leave_one_effect_for_each_event_on_postgres() {
    if let Some(world) = World::postgres().await {
        killed_again_and_again(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_26_eight_kills_under_load_leave_one_effect_for_each_event_on_sqlite() {
    if let Some(world) = World::sqlite().await {
        killed_again_and_again(&world).await;
    }
}
