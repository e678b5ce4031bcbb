//! The inbox: its counts and its events, and their changes.

use super::{EVENT, Site, change, post, read, refusals, request};
use apideck_hooks::console::Console;
use apideck_hooks::{Hooks, HooksBuilder, MemoryStore, Retry, Workers, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::inbox::{InboxFile, RunLog, Working, accepting, handle, quick, until_idle};
use apideck_hooks_tests::inbox_postgres;
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::server;
use apideck_hooks_tests::waiting::until;
use http::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

const LEAD: &str = "crm.lead.created";
const NONE: &str = "00000000000000000000000000000000";

/// A receiver with an inbox, and its console at `/hooks`.
pub(super) struct InboxSite {
    pub(super) hooks: Hooks,
    pub(super) log: RunLog,
    pub(super) file: InboxFile,
    pub(super) addr: SocketAddr,
}

impl InboxSite {
    pub(super) async fn new(console: Console) -> Self {
        let (file, log) = (InboxFile::default(), RunLog::default());
        let builder = accepting(Hooks::builder(router![handle]), file.store().await, &log);
        let (hooks, addr) = serve(builder, console).await;
        Self {
            hooks,
            log,
            file,
            addr,
        }
    }

    /// The record of the event that was accepted last.
    async fn newest(&self) -> String {
        let events = read(self.addr, "inbox/events?limit=1").await;
        events["events"][0]["record"]
            .as_str()
            .expect("a record")
            .to_owned()
    }
}

type Inboxed<R> = HooksBuilder<R, RunLog>;

async fn serve<R: apideck_hooks::Routes<RunLog>>(
    builder: Inboxed<R>,
    console: Console,
) -> (Hooks, SocketAddr) {
    let hooks = builder.observe(console.observer()).build().expect("a receiver");
    let app = axum::Router::new().nest_service("/hooks", console.serve(&hooks));
    (hooks, server::axum(app).await)
}

fn ids(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().expect("events").iter();
    events
        .map(|event| event["event_id"].as_str().expect("an id"))
        .collect()
}

/// The counts, lists, pauses and bodies, over a store of any kind.
async fn tells_its_events(hooks: &Hooks, addr: SocketAddr) {
    for (name, id) in [(LEAD, "lead-1"), (EVENT, "e-1"), (LEAD, "lead-2")] {
        let mut event = event(name, id).consumer("acme");
        if name == EVENT {
            event = event.set("entity.settings.api_key", "hush");
        }
        event.key(format!("key-{id}")).call(hooks).await.assert_accepted();
    }
    let paused = post(addr, "inbox/pause", r#"{"pattern":"vault.*"}"#).await;
    assert_eq!(paused.json(), json!({"schema": 1, "changed": true}));
    let stats = read(addr, "inbox").await;
    assert_eq!((&stats["waiting"], &stats["running"]), (&json!(3), &json!(0)));
    assert!(stats["oldest_seconds"].is_u64() && stats["oldest_due_seconds"].is_u64());
    let events = stats["events"].as_array().expect("events").iter();
    let events: Vec<_> = events
        .map(|of| {
            (
                of["event_type"].clone(),
                of["waiting"].clone(),
                of["paused"].clone(),
            )
        })
        .collect();
    assert_eq!(
        events,
        [
            (json!(LEAD), json!(2), json!(false)),
            (json!(EVENT), json!(1), json!(true))
        ]
    );
    assert_eq!(stats["paused"][0]["pattern"], "vault.*");
    assert!(stats["paused"][0]["since_seconds"].is_u64());
    let overview = read(addr, "overview").await;
    assert_eq!(
        (
            &overview["has_inbox"],
            &overview["inbox_waiting"],
            &overview["inbox_pauses"]
        ),
        (&json!(true), &json!(3), &json!(1))
    );

    let page = read(addr, "inbox/events?limit=2").await;
    assert_eq!(ids(&page), ["lead-2", "e-1"]);
    let rest = format!(
        "inbox/events?limit=2&before={}",
        page["next"].as_str().expect("a cursor")
    );
    let rest = read(addr, &rest).await;
    assert_eq!((ids(&rest), &rest["next"]), (vec!["lead-1"], &Value::Null));
    for (query, wanted) in [
        ("event=crm.*", &["lead-2", "lead-1"][..]),
        ("event=crm.lead.created", &["lead-2", "lead-1"]),
        ("event=crm.lead", &[]),
        ("event=*", &["lead-2", "e-1", "lead-1"]),
        ("since=2020-01-01&limit=1", &["lead-2"]),
        ("until=2020-01-01", &[]),
    ] {
        let page = read(addr, &format!("inbox/events?{query}")).await;
        assert_eq!(ids(&page), wanted, "{query}");
    }
    let row = &page["events"][1];
    for (member, value) in [
        ("event_type", json!(EVENT)),
        ("consumer_id", json!("acme")),
        ("attempts", json!(0)),
        ("running", json!(false)),
        ("paused", json!(true)),
        ("due_in_seconds", json!(0)),
    ] {
        assert_eq!(row[member], value, "{member}");
    }
    let accepted_at = row["accepted_at"].as_str().expect("a time");
    assert!(
        accepted_at.ends_with('Z') && accepted_at.len() > 19,
        "{accepted_at}"
    );
    assert!(row.get("body").is_none());

    let path = format!("inbox/events/{}", row["record"].as_str().expect("a record"));
    let shown = read(addr, &path).await;
    assert_eq!(
        (&shown["idempotency_key"], &shown["hidden"]),
        (&json!("key-e-1"), &json!("values"))
    );
    let body = shown["body"].as_str().expect("a body");
    assert!(
        body.contains(r#""event_id":"e-1""#) && !shown.to_string().contains("hush"),
        "{shown}"
    );
    assert!(shown["body_bytes"].as_u64().is_some_and(|bytes| bytes > 100));
    let resumed = post(addr, "inbox/resume", r#"{"pattern":"vault.*"}"#).await;
    assert_eq!(resumed.json()["changed"], true);
    let again = post(addr, "inbox/resume", r#"{"pattern":"vault.*"}"#).await;
    assert_eq!(again.json()["changed"], false);
}

#[tokio::test]
async fn an_inbox_in_sqlite_tells_its_events() {
    let site = InboxSite::new(Console::unprotected().allow_changes()).await;
    tells_its_events(&site.hooks, site.addr).await;
}

#[tokio::test]
async fn an_inbox_in_postgres_tells_its_events() {
    let Some(file) = inbox_postgres::InboxFile::new().await else {
        return;
    };
    let store = file.store().await;
    let builder = inbox_postgres::accepting(Hooks::builder(router![handle]), store, &RunLog::default());
    let (hooks, addr) = serve(builder, Console::unprotected().allow_changes()).await;
    tells_its_events(&hooks, addr).await;
}

#[tokio::test]
async fn credentials_of_a_waiting_event_are_shown_on_demand() {
    let site = InboxSite::new(Console::unprotected().show_credentials()).await;
    let event = event(EVENT, "e-1").set("entity.settings.api_key", "hush");
    event.call(&site.hooks).await.assert_accepted();
    let shown = read(site.addr, &format!("inbox/events/{}", site.newest().await)).await;
    assert_eq!(shown["hidden"], "nothing");
    assert!(shown["body"].as_str().is_some_and(|body| body.contains("hush")));
}

/// A pause holds its events until it is ended, and each change is a line in the log.
#[tokio::test]
async fn a_pause_holds_events_and_has_a_name_in_the_log() {
    let (log, _captured) = Log::capture();
    let console = Console::with_token(super::token()).allow_changes();
    let site = InboxSite::new(console).await;
    let set = async |task: &str| {
        let change = change(&format!("/hooks/api/inbox/{task}"), r#"{"pattern":"crm.*"}"#);
        let reply = super::access::with_token(change).send(site.addr).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["changed"] == true
    };
    assert!(set("pause").await && !set("pause").await);
    for (name, id) in [(LEAD, "lead"), (EVENT, "good")] {
        event(name, id).call(&site.hooks).await.assert_accepted();
    }
    let _workers = Working::begin(&site.hooks, quick());
    site.log.until_begun(1).await;
    until("one is left", async || {
        site.hooks.snapshot().await.inbox_waiting == Some(1)
    })
    .await;
    assert_eq!(site.log.count("lead"), 0);
    assert!(set("resume").await && !set("resume").await);
    until_idle(&site.hooks).await;
    assert_eq!(site.log.count("lead"), 1);
    let lines = log.lines();
    let told = lines
        .iter()
        .filter(|line| line.contains("the inbox was changed by the console"));
    let told: Vec<_> = told
        .filter(|line| line.contains("crm.*") && line.contains(r#"operator="me""#))
        .collect();
    assert_eq!(told.len(), 4, "{lines:#?}");
    assert!(
        told[0].contains("pause") && told[3].contains("resume"),
        "{told:#?}"
    );
}

/// An event that waits for its next attempt runs at once.
#[tokio::test]
async fn the_end_of_a_rest_runs_an_event_at_once() {
    let (log, _captured) = Log::capture();
    let site = InboxSite::new(Console::unprotected().allow_changes()).await;
    event(EVENT, "flaky").call(&site.hooks).await.assert_accepted();
    let hour = Duration::from_secs(3600);
    let retry = Retry::exponential(hour).attempts(3);
    let _workers = Working::begin(&site.hooks, Workers::new().retry(retry));
    let record = site.newest().await;
    until("the first run has failed", async || {
        let row = &read(site.addr, "inbox/events").await["events"][0];
        row["attempts"] == 1 && row["running"] == false
    })
    .await;
    // Whatever the jitter was.
    site.file
        .execute("UPDATE apideck_hooks_records SET rest_length = 3600000000, rest_end = rest_end + 3600000000, due = due + 3600000000")
        .await;
    let rest = &read(site.addr, "inbox/events").await["events"][0];
    assert!(
        rest["due_in_seconds"].as_u64().is_some_and(|due| due > 0),
        "{rest}"
    );
    let path = format!("inbox/events/{record}/end-rest");
    assert_eq!(post(site.addr, &path, "{}").await.json()["changed"], true);
    until_idle(&site.hooks).await;
    assert_eq!(site.log.count("flaky"), 2);
    let gone = post(site.addr, &path, "{}").await;
    assert_eq!(gone.status, 404, "{gone:?}");
    assert_eq!(log.count("the inbox was changed by the console"), 1);
    assert_eq!(log.count("a change by the console failed"), 1);
}

#[tokio::test]
async fn a_due_event_and_one_of_another_source_are_left_alone() {
    let site = InboxSite::new(Console::unprotected().allow_changes()).await;
    event(EVENT, "good").call(&site.hooks).await.assert_accepted();
    let record = site.newest().await;
    let path = format!("inbox/events/{record}/end-rest");
    assert_eq!(post(site.addr, &path, "{}").await.json()["changed"], false);
    site.file
        .execute("UPDATE apideck_hooks_records SET source = 'other', rest_length = 3600000000, rest_end = due + 3600000000, due = due + 3600000000")
        .await;
    assert_eq!(post(site.addr, &path, "{}").await.status, 404);
    let shown = request(Method::GET, &format!("/hooks/api/inbox/events/{record}"));
    assert_eq!(shown.send(site.addr).await.status, 404);
    assert_eq!(ids(&read(site.addr, "inbox/events").await), Vec::<&str>::new());
    let rests = "SELECT count(*) FROM apideck_hooks_records WHERE rest_length > 0";
    assert_eq!(site.file.number(rests).await, 1);
}

/// The run of a worker is a row of its own, because the delivery was answered before.
#[tokio::test]
async fn the_runs_of_workers_are_among_the_deliveries() {
    let site = InboxSite::new(Console::unprotected()).await;
    for id in ["good", "bad"] {
        event(EVENT, id).call(&site.hooks).await.assert_accepted();
    }
    let _workers = Working::begin(&site.hooks, quick().concurrency(1));
    let mut rows = Vec::new();
    until("all are told", async || {
        let read = read(site.addr, "deliveries").await;
        rows = read["deliveries"].as_array().expect("rows").clone();
        rows.len() == 4
    })
    .await;
    let overview = read(site.addr, "overview").await;
    let minutes = overview["minutes"].as_array().expect("minutes").iter();
    let outcomes: Vec<_> = minutes.map(|minute| &minute["outcomes"]).collect();
    let told = |outcome: &str| -> u64 { outcomes.iter().filter_map(|told| told[outcome].as_u64()).sum() };
    assert_eq!(
        ["accepted", "handled", "dead_lettered"].map(told),
        [2, 1, 1],
        "{outcomes:?}"
    );
    // Runs are not requests.
    assert!(
        overview["rate_per_minute"]
            .as_f64()
            .is_some_and(|rate| rate <= 2.0)
    );
    let facts = |row: &Value| {
        let members = ["event_id", "outcome", "worker", "status"];
        members.map(|member| row[member].clone())
    };
    let (_, accepted) = rows.split_at(2);
    for (row, id) in accepted.iter().zip(["bad", "good"]) {
        assert_eq!(
            facts(row),
            [json!(id), json!("accepted"), json!(false), json!(200)]
        );
        assert_eq!(row["run"], Value::Null);
    }
    for (id, outcome) in [("good", "handled"), ("bad", "dead_lettered")] {
        let row = rows.iter().find(|row| row["event_id"] == id).expect("a row");
        assert_eq!(facts(row), [json!(id), json!(outcome), json!(true), Value::Null]);
        assert_eq!(row["run"]["attempt"], 1);
        assert!(row["handler"].is_string() && row["milliseconds"].is_number());
    }
}

/// Letters of accepted events are replayed by a filter, as those of inline deliveries.
#[tokio::test]
async fn many_letters_of_accepted_events_are_replayed() {
    let site = InboxSite::new(Console::unprotected().allow_changes()).await;
    for (name, id) in [(LEAD, "flaky-1"), (EVENT, "flaky-2"), (LEAD, "bad-3")] {
        event(name, id).call(&site.hooks).await.assert_accepted();
    }
    let once = Retry::exponential(Duration::from_millis(1)).attempts(1);
    let workers = Working::begin(&site.hooks, Workers::new().retry(once));
    until_idle(&site.hooks).await;
    drop(workers);
    assert_eq!(read(site.addr, "dead-letters?event=crm.*").await["count"], 2);
    let all = |dry_run: bool| format!(r#"{{"event":"crm.*","dry_run":{dry_run}}}"#);
    let dry = post(site.addr, "dead-letters/replay", &all(true)).await.json();
    assert_eq!((&dry["count"], site.log.begun().len()), (&json!(2), 3));
    let replayed = post(site.addr, "dead-letters/replay", &all(false)).await.json();
    let dispositions = replayed["results"].as_array().expect("results").iter();
    let mut dispositions: Vec<_> = dispositions
        .map(|result| result["disposition"].as_str().expect("a word"))
        .collect();
    dispositions.sort_unstable();
    assert_eq!(dispositions, ["dead_lettered", "handled"]);
    assert_eq!(read(site.addr, "dead-letters").await["count"], 2);
}

#[tokio::test]
async fn a_malformed_request_changes_nothing() {
    let site = InboxSite::new(Console::unprotected().allow_changes()).await;
    event(EVENT, "good").call(&site.hooks).await.assert_accepted();
    for body in [
        "",
        "[]",
        "{}",
        r#"{"pattern":""}"#,
        r#"{"pattern":"crm lead"}"#,
        r#"{"pattern":"*.created"}"#,
        r#"{"pattern":"crm.**"}"#,
        r#"{"pattern":1}"#,
        r#"{"pattern":"crm.*","all":true}"#,
    ] {
        for task in ["pause", "resume"] {
            let reply = post(site.addr, &format!("inbox/{task}"), body).await;
            assert_eq!(reply.status, 400, "{task} {body}: {reply:?}");
            assert!(reply.json()["error"].is_string());
        }
    }
    let record = site.newest().await;
    for (path, body, status) in [
        (format!("inbox/events/{record}/end-rest"), r#"{"a":1}"#, 400),
        ("inbox/events/0000/end-rest".to_owned(), "{}", 400),
        (format!("inbox/events/{NONE}/end-rest"), "{}", 404),
        (format!("inbox/events/{record}/purge"), "{}", 405),
        (format!("inbox/{record}/end-rest"), "{}", 405),
    ] {
        assert_eq!(post(site.addr, &path, body).await.status, status, "{path} {body}");
    }
    for (path, status) in [
        ("events?event=*.created", 400),
        ("events?event=crm.**", 400),
        ("events?before=x", 400),
        ("events?after=x", 400),
        ("events?since=yesterday", 400),
        ("events/0000", 400),
        (&format!("events/{NONE}"), 404),
        ("events/", 400),
        ("nothing", 404),
    ] {
        let reply = request(Method::GET, &format!("/hooks/api/inbox/{path}"));
        assert_eq!(reply.send(site.addr).await.status, status, "{path}");
    }
    assert_eq!(site.hooks.snapshot().await.inbox_pauses, Some(0));
}

#[tokio::test]
async fn a_change_needs_permission_and_its_own_site() {
    let pause = || change("/hooks/api/inbox/pause", r#"{"pattern":"*"}"#);
    let site = InboxSite::new(Console::unprotected().allow_changes()).await;
    for (attack, status) in [
        (pause().header("sec-fetch-site", "cross-site"), 403),
        (pause().header("sec-fetch-site", "same-site"), 403),
        (pause().header("origin", "http://evil.example"), 403),
        (pause().header("content-type", "text/plain"), 415),
        (pause().without("content-type"), 415),
        (
            Delivery {
                method: Method::GET,
                ..pause()
            },
            405,
        ),
        (
            request(Method::GET, "/hooks/api/inbox/events").header("sec-fetch-site", "cross-site"),
            403,
        ),
    ] {
        assert_eq!(attack.send(site.addr).await.status, status, "{attack:?}");
    }
    assert_eq!(site.hooks.snapshot().await.inbox_pauses, Some(0));
    let reads = InboxSite::new(Console::unprotected()).await;
    for path in ["pause", "resume", &format!("events/{NONE}/end-rest")] {
        let reply = post(reads.addr, &format!("inbox/{path}"), r#"{"pattern":"*"}"#).await;
        assert_eq!(reply.status, 403, "{path}");
        let error = reply.json()["error"].to_string();
        assert!(error.contains("allow_changes"), "{error}");
    }
    assert_eq!(reads.hooks.snapshot().await.inbox_pauses, Some(0));
    let locked = InboxSite::new(Console::with_token(super::token()).allow_changes()).await;
    for path in ["", "/events", &format!("/events/{NONE}")] {
        let read = request(Method::GET, &format!("/hooks/api/inbox{path}"));
        assert_eq!(read.send(locked.addr).await.status, 401, "{path}");
    }
    assert_eq!(pause().send(locked.addr).await.status, 401);
    assert_eq!(locked.hooks.snapshot().await.inbox_pauses, Some(0));
}

#[tokio::test]
async fn a_store_without_an_inbox_says_so() {
    let hooks = Hooks::builder(router![..])
        .secret(SECRET)
        .store(MemoryStore::new());
    let hooks = hooks.build().expect("a receiver");
    let console = Console::unprotected().allow_changes();
    let app = axum::Router::new().nest_service("/hooks", console.serve(&hooks));
    let addr = server::axum(app).await;
    let overview = read(addr, "overview").await;
    assert_eq!(
        (&overview["has_inbox"], &overview["inbox_waiting"]),
        (&json!(false), &Value::Null)
    );
    let event = format!("events/{NONE}");
    for path in ["", "/events", &format!("/{event}")] {
        let reply = request(Method::GET, &format!("/hooks/api/inbox{path}"));
        let reply = reply.send(addr).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.json()["error"].to_string().contains("no inbox"));
    }
    for (path, body) in [
        ("pause", r#"{"pattern":"*"}"#),
        ("resume", r#"{"pattern":"*"}"#),
        (&*format!("{event}/end-rest"), "{}"),
    ] {
        let reply = post(addr, &format!("inbox/{path}"), body).await;
        assert_eq!(reply.status, 404, "{path}");
    }
}

/// A pattern chooses letters too, and one that matches nothing by mistake is refused.
#[tokio::test]
async fn letters_are_chosen_by_a_pattern() {
    let site = Site::new(Console::unprotected().allow_changes(), refusals(3)).await;
    for (name, id) in [(EVENT, "e-1"), (LEAD, "e-2"), ("crm.lead.deleted", "e-3")] {
        site.dead_letter_of(&event(name, id)).await;
    }
    for (pattern, count) in [
        ("crm.*", 2),
        ("crm.lead.d*", 1),
        ("*", 3),
        (LEAD, 1),
        ("crm.lead", 0),
    ] {
        let letters = site.read(&format!("dead-letters?event={pattern}")).await;
        assert_eq!(letters["count"], count, "{pattern}");
        assert_eq!(
            letters["letters"].as_array().map(Vec::len),
            Some(count),
            "{pattern}"
        );
    }
    for pattern in ["*.created", "crm.*.created", "**"] {
        let body = json!({ "event": pattern }).to_string();
        let reply = site.post("dead-letters/purge", &body).await;
        assert_eq!(reply.status, 400, "{pattern}: {reply:?}");
    }
    let purged = site
        .post("dead-letters/purge", r#"{"event":"crm.*"}"#)
        .await
        .json();
    assert_eq!(purged["count"], 2);
    assert_eq!(site.read("dead-letters").await["count"], 1);
}
