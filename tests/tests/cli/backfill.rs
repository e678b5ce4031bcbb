//! `apideck-hooks backfill`, from a stand-in of Apideck's API to a receiver.

use crate::apideck::ApideckStandIn;
use crate::program::{Output, command, run};
use crate::receivers::{Handled, own};
use apideck_hooks::Timestamp;
use apideck_hooks_tests::waiting::ends;
use serde_json::{Value, json};
use std::time::SystemTime;
use tokio::net::TcpListener;
use tokio::process::Command;

/// A time of the outage.
fn at(minute: u32) -> String {
    format!("2020-11-01T{:02}:{:02}:00.000Z", minute / 60, minute % 60)
}

fn payload(id: &str, minute: u32, attempt: u32) -> Value {
    json!({
        "event_id": id, "event_type": "vault.connection.callable", "entity_id": format!("c-of-{id}"),
        "execution_attempt": attempt, "occurred_at": at(minute), "entity": {"id": "c", "consumer_id": "acme"},
    })
}

/// An entry of the log for a delivery. Its body has no envelope, as in Apideck's reference.
pub(crate) fn entry(id: &str, minute: u32, success: bool) -> Value {
    attempt(id, minute, minute, 1, success)
}

/// An entry for a later delivery of an event.
fn attempt(id: &str, occurred: u32, sent: u32, attempt: u32, success: bool) -> Value {
    json!({
        "id": format!("log-{id}-{sent}-{attempt}-{success}"), "status_code": if success { 200 } else { 503 },
        "success": success, "event_type": "vault.connection.callable", "endpoint": "https://example.com/webhooks",
        "execution_attempt": attempt, "http_method": "POST", "timestamp": at(sent), "entity_type": "Connection",
        "request_body": payload(id, occurred, attempt).to_string(), "response_body": "{}", "retry_scheduled": false,
        "attempts": [{"timestamp": at(sent), "execution_attempt": attempt, "success": success}],
    })
}

fn with_envelope(mut entry: Value) -> Value {
    entry["request_body"] = format!(
        "{{\"payload\":{}}}",
        entry["request_body"].as_str().expect("a body")
    )
    .into();
    entry
}

/// Its last delivery was just now, because Apideck sends nothing again after a day.
fn to_be_retried(entry: Value) -> Value {
    let mut entry = said_to_be_retried(entry);
    entry["timestamp"] = Timestamp::from(SystemTime::now()).as_str().into();
    entry
}

fn said_to_be_retried(mut entry: Value) -> Value {
    entry["retry_scheduled"] = true.into();
    entry
}

struct World {
    stand_in: ApideckStandIn,
    api: String,
    handled: Handled,
    receiver: String,
}

impl World {
    async fn new() -> Self {
        let (stand_in, handled) = (ApideckStandIn::default(), Handled::default());
        Self {
            api: stand_in.start().await,
            receiver: format!("http://{}/", own(&handled).await),
            stand_in,
            handled,
        }
    }

    async fn backfill(&self, more: &[&str]) -> Output {
        let own = ["backfill", "--to", &self.receiver, "--api", &self.api, "--json"];
        run(&[&own[..], more].concat()).await
    }
}

fn summary(output: &Output) -> Value {
    output.last_object()["summary"].take()
}

/// An outage of 500 events, each delivered twice in vain. Every tenth has the time of the one
/// before.
fn outage() -> (Vec<Value>, Vec<String>) {
    let mut entries = Vec::new();
    let mut ids = Vec::new();
    for number in 0..500_u32 {
        let (id, minute) = (format!("e-{number:03}"), number - u32::from(number % 10 == 9));
        entries.push((minute, attempt(&id, minute, minute, 1, false)));
        entries.push((minute + 3, attempt(&id, minute, minute + 3, 2, false)));
        ids.push(id);
    }
    // In the order in which they were sent.
    entries.sort_by_key(|(sent, _)| *sent);
    (entries.into_iter().map(|(_, entry)| entry).collect(), ids)
}

#[tokio::test]
async fn an_outage_of_500_events_is_made_up_for_once_and_in_order() {
    let world = World::new().await;
    let (entries, ids) = outage();
    world.stand_in.log(entries);
    for number in 0..20 {
        world.stand_in.log([
            attempt(&format!("later-{number}"), 5, 505, 1, false),
            attempt(&format!("later-{number}"), 5, 506, 2, true),
        ]);
        world.stand_in.log([to_be_retried(attempt(
            &format!("retry-{number}"),
            6,
            507,
            3,
            false,
        ))]);
    }
    // They arrive while the first two pages are read, and move the others.
    world.stand_in.arrive(vec![attempt("new-1", 600, 600, 1, false)]);
    world.stand_in.arrive(vec![attempt("later-0", 5, 601, 3, true)]);

    let dry = world.backfill(&["--since", "2020-11-01", "--dry-run"]).await;
    assert_eq!(summary(dry.exits(0))["sent"], 0);
    assert!(world.handled.ids().is_empty());
    assert_eq!(
        dry.objects().len(),
        502,
        "500 events, one that has arrived, and the summary"
    );

    let until = ["--since", "2020-11-01", "--until", "2020-11-01T09:00:00Z"];
    let told = summary(world.backfill(&until).await.exits(0));
    assert_eq!(told["sent"], 500, "{told}");
    assert_eq!(
        (&told["succeeded_later"], &told["apideck_retries"], &told["left"]),
        (&20.into(), &20.into(), &0.into())
    );
    assert_eq!(
        (&told["with_envelope"], &told["go_on_since"]),
        (&0.into(), &Value::Null)
    );
    assert_eq!(world.handled.ids(), ids);

    let again = world.backfill(&until).await;
    let objects = again.exits(0).objects();
    let duplicates = objects
        .iter()
        .filter(|object| object["word"] == "duplicate")
        .count();
    assert_eq!((duplicates, world.handled.ids()), (500, ids));
}

#[tokio::test]
async fn a_failure_stops_it_and_the_rest_goes_on_from_the_time_that_is_told() {
    let world = World::new().await;
    let (mut entries, ids) = outage();
    entries.retain(|entry| {
        ids[..50]
            .iter()
            .any(|id| entry["id"].as_str().is_some_and(|of| of.contains(&**id)))
    });
    world.stand_in.log(entries.into_iter().map(with_envelope));
    world.handled.fail("e-020", 1);
    let stopped = world.backfill(&["--since", "2020-11-01"]).await;
    let told = summary(stopped.exits(1));
    assert_eq!(told["sent"], 20, "{told}");
    assert_eq!(world.handled.ids(), ids[..20]);
    let go_on = told["go_on_since"].as_str().expect("a time");
    assert!(
        stopped.stderr.contains(&format!("--since {go_on}")) && go_on > "2020-11-01T00:10",
        "{go_on}"
    );
    assert_eq!(told["without_envelope"], 0);

    let rest = world.backfill(&["--since", go_on]).await;
    let told = summary(rest.exits(0));
    assert_eq!(told["left"], 0, "{told}");
    assert_eq!(world.handled.ids(), ids[..50]);
}

#[tokio::test]
async fn a_limit_leaves_the_newest_events() {
    let world = World::new().await;
    world.stand_in.list_oldest_first();
    world.stand_in.ignore_filters();
    world
        .stand_in
        .log((0..10).map(|minute| entry(&format!("e-{minute}"), minute, false)));
    // The same time, so that the order of the log decides.
    world.stand_in.log(["a", "b"].map(|id| entry(id, 10, false)));
    world.stand_in.log([entry("e-3", 20, true)]);
    let told = summary(
        world
            .backfill(&["--since", "2020-11-01", "--at-most", "4", "--skip", "e-1"])
            .await
            .exits(0),
    );
    assert_eq!(
        (&told["sent"], &told["left"], &told["skipped"]),
        (&4.into(), &6.into(), &1.into())
    );
    assert_eq!(world.handled.ids(), ["e-0", "e-2", "e-4", "e-5"]);
    let go_on = told["go_on_since"].as_str().expect("a time").to_owned();
    world.backfill(&["--since", &go_on]).await.exits(0);
    assert_eq!(
        world.handled.ids(),
        ["e-0", "e-2", "e-4", "e-5", "e-6", "e-7", "e-8", "e-9", "a", "b"]
    );
}

#[tokio::test]
async fn the_end_of_the_outage_chooses_events_and_hides_no_retry() {
    let world = World::new().await;
    world.stand_in.log([
        to_be_retried(attempt("given-up", 1, 1, 9, false)),
        to_be_retried(attempt("still-tried", 2, 2, 1, false)),
        to_be_retried(attempt("late-success", 3, 3, 1, false)),
    ]);
    // After the outage.
    world.stand_in.log([
        attempt("given-up", 1, 100, 10, false),
        to_be_retried(attempt("still-tried", 2, 101, 2, false)),
        attempt("late-success", 3, 102, 2, true),
        attempt("other-outage", 103, 103, 1, false),
    ]);
    let until = ["--since", "2020-11-01", "--until", "2020-11-01T01:00:00Z"];
    let told = summary(world.backfill(&until).await.exits(0));
    assert_eq!(
        (&told["apideck_retries"], &told["succeeded_later"]),
        (&1.into(), &1.into())
    );
    assert_eq!(world.handled.ids(), ["given-up"]);
}

#[tokio::test]
async fn the_time_to_go_on_from_loses_no_event_to_the_end_of_the_outage() {
    let world = World::new().await;
    world
        .stand_in
        .log([attempt("e-1", 1, 1, 1, false), attempt("e-1", 1, 100, 2, false)]);
    world.handled.fail("e-1", 1);
    let until = "2020-11-01T01:00:00Z";
    let stopped = world.backfill(&["--since", "2020-11-01", "--until", until]).await;
    let told = summary(stopped.exits(1));
    let go_on = told["go_on_since"].as_str().expect("a time");
    world
        .backfill(&["--since", go_on, "--until", until])
        .await
        .exits(0);
    assert_eq!(world.handled.ids(), ["e-1"]);
}

/// The oldest events have the latest retries, so that each part of the log begins with them.
#[tokio::test]
async fn a_limit_is_no_end_although_events_come_again() {
    let world = World::new().await;
    let ids: Vec<_> = (0..7).map(|number| format!("e-{number}")).collect();
    for (minute, id) in (0..).zip(&ids) {
        world.stand_in.log([
            attempt(id, minute, minute, 1, false),
            attempt(id, minute, 100 - minute, 2, false),
        ]);
    }
    let mut since = "2020-11-01".to_owned();
    for left in [4, 1, 0] {
        let told = world.backfill(&["--since", &since, "--at-most", "3"]).await;
        let told = summary(told.exits(0));
        assert_eq!(told["left"], left, "{told}");
        since = told["go_on_since"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(world.handled.ids(), ids);
}

/// As Apideck's log can say of an event whose subscription was disabled.
#[tokio::test]
async fn a_retry_that_is_long_past_is_not_waited_for() {
    let world = World::new().await;
    world.stand_in.log([
        said_to_be_retried(entry("e-1", 1, false)),
        to_be_retried(entry("e-2", 2, false)),
    ]);
    let told = summary(world.backfill(&["--since", "2020-11-01"]).await.exits(0));
    assert_eq!((&told["sent"], &told["apideck_retries"]), (&1.into(), &1.into()));
    assert_eq!(world.handled.ids(), ["e-1"]);
}

#[tokio::test]
async fn an_event_without_an_id_is_the_same_in_every_backfill() {
    let world = World::new().await;
    let body = |attempt: u32| {
        json!({"event_type": "crm.lead.created", "entity_id": "lead-1", "execution_attempt": attempt})
            .to_string()
    };
    for number in 1..4 {
        let mut entry = attempt("none", number, number, number, false);
        entry["request_body"] = body(number).into();
        entry["event_type"] = "crm.lead.created".into();
        world.stand_in.log([entry]);
    }
    for word in ["handled", "duplicate"] {
        let told = world.backfill(&["--since", "2020-11-01"]).await;
        let objects = told.exits(0).objects();
        assert_eq!(objects.len(), 2, "{objects:?}");
        assert_eq!(
            (&objects[0]["word"], &objects[0]["execution_attempt"]),
            (&word.into(), &1.into())
        );
    }
    assert_eq!(world.handled.ids(), ["lead-1"]);
}

#[tokio::test]
async fn odd_entries_are_counted_and_never_sent() {
    let world = World::new().await;
    let with = |body: Value| {
        let mut entry = entry("odd", 1, false);
        entry["request_body"] = body;
        entry
    };
    world.stand_in.log([
        with("{}".into()),
        with("{\"payload\":{}}".into()),
        with(json!({"payload": {"a": 1}})),
    ]);
    world.stand_in.log([
        with(Value::Null),
        with("".into()),
        with("{\"event_type\":\"crm.lead".into()),
    ]);
    world.stand_in.log([entry("good", 2, false)]);
    let told = summary(world.backfill(&["--since", "2020-11-01"]).await.exits(1));
    assert_eq!(
        (&told["sent"], &told["not_an_event"], &told["unusable"]),
        (&1.into(), &3.into(), &3.into())
    );
    assert_eq!(world.handled.ids(), ["good"]);
}

#[tokio::test]
async fn a_success_at_another_url_is_not_one_of_this_receiver() {
    let world = World::new().await;
    let elsewhere = |mut entry: Value| {
        entry["endpoint"] = "https://elsewhere.example.com/".into();
        entry
    };
    world
        .stand_in
        .log([entry("e-1", 1, false), entry("e-2", 1, false)]);
    world.stand_in.log([
        elsewhere(entry("e-1", 2, true)),
        elsewhere(entry("e-3", 2, false)),
    ]);
    let told = world.backfill(&["--since", "2020-11-01"]).await;
    assert!(told.exits(2).stderr.contains("https://elsewhere.example.com/"));
    let misspelt = [
        "--since",
        "2020-11-01",
        "--endpoint",
        "https://example.com/webhook",
    ];
    let told = world.backfill(&misspelt).await;
    let others = "has failed. Others have, to https://elsewhere.example.com/";
    assert!(told.exits(0).stderr.contains(others), "{}", told.stderr);
    assert!(world.handled.ids().is_empty());
    world
        .backfill(&[
            "--since",
            "2020-11-01",
            "--endpoint",
            "https://example.com/webhooks",
        ])
        .await
        .exits(0);
    assert_eq!(world.handled.ids(), ["e-1", "e-2"]);
}

#[tokio::test]
async fn apideck_s_errors_are_waited_out_or_told() {
    let world = World::new().await;
    world
        .stand_in
        .log((0..100).map(|minute| entry(&format!("e-{minute:02}"), minute, false)));
    world.stand_in.fail(429, Some("0"));
    world.stand_in.fail(502, Some("0"));
    let told = world.backfill(&["--since", "2020-11-01"]).await;
    assert_eq!(summary(told.exits(0))["sent"], 100);
    assert!(told.stderr.contains("Apideck answers 429: waits"));
    world.stand_in.fail(402, None);
    assert!(
        world
            .backfill(&["--since", "2020-11-01"])
            .await
            .exits(1)
            .stderr
            .contains("plan's limit")
    );
    let nowhere = run(&[
        "backfill",
        "--since",
        "2020-11-01",
        "--to",
        "http://127.0.0.1:1/",
        "--api",
        &world.api,
    ])
    .await;
    assert!(
        nowhere
            .exits(3)
            .stderr
            .contains("go on with `--since 2020-11-01T00:00:00.000Z`"),
        "{}",
        nowhere.stderr
    );
    world
        .backfill(&["--since", "2020-11-01", "--until", "2020-10-01"])
        .await
        .exits(2);
    run(&[
        "backfill",
        "--since",
        "2020-11-01",
        "--to",
        "http://192.0.2.1/",
        "--api",
        &world.api,
    ])
    .await
    .exits(2);
}

#[tokio::test]
async fn an_interrupt_stops_it_and_tells_from_when_to_go_on() {
    let world = World::new().await;
    world
        .stand_in
        .log([entry("e-1", 1, false), entry("e-2", 2, false)]);
    // It takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let to = format!("http://{}/", silent.local_addr().expect("an address"));
    let run = command(&[
        "backfill",
        "--since",
        "2020-11-01",
        "--to",
        &to,
        "--api",
        &world.api,
    ])
    .spawn();
    let run = run.expect("the command");
    let _connection = ends("a connection", silent.accept()).await.expect("a connection");
    let id = run.id().expect("a running process").to_string();
    let told = Command::new("kill").args(["-INT", &id]).status().await;
    assert!(told.expect("kill").success());
    let output = ends("the command", run.wait_with_output())
        .await
        .expect("an output");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("go on with `--since 2020-11-01T00:00:59.000Z`"),
        "{errors}"
    );
}
