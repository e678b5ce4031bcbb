//! `apideck-hooks inbox`, over the console of a receiver with an inbox in SQLite.

use crate::console::{console, dead_letters, serve, with_token};
use crate::program::{Output, output, run};
use apideck_hooks::console::Console;
use apideck_hooks::store::{LetterFilter, WaitingEvent};
use apideck_hooks::testing::Event;
use apideck_hooks::{Hooks, MemoryStore, Retry, Workers, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::inbox::{InboxFile, RunLog, Working, accepting, handle, quick, until_idle};
use apideck_hooks_tests::kit::Deliver;
use apideck_hooks_tests::log::Log;
use serde_json::{Value, json};
use std::time::Duration;

const LEAD: &str = "crm.lead.created";
const CALLABLE: &str = "vault.connection.callable";

/// A receiver with an inbox, and its console.
pub(crate) struct InboxSite {
    hooks: Hooks,
    log: RunLog,
    file: InboxFile,
    /// Address of the console.
    pub(crate) url: String,
}

impl InboxSite {
    async fn new() -> Self {
        let (file, log, console) = (InboxFile::default(), RunLog::default(), console());
        let hooks = accepting(Hooks::builder(router![handle]), file.store().await, &log);
        let hooks = hooks.build().expect("a receiver");
        let url = serve(console, &hooks).await;
        Self {
            hooks,
            log,
            file,
            url,
        }
    }

    /// With three events, whose times are some hours off, so that they print alike on a slow
    /// machine. The second one has run and rests, and there is a pause.
    pub(crate) async fn with_events() -> Self {
        let site = Self::new().await;
        for (name, id) in [(LEAD, "lead-1"), (CALLABLE, "e-1"), (LEAD, "lead-2")] {
            site.accept(name, id).await;
        }
        site.hooks.inbox().pause("crm.*").await.expect("a pause");
        site.file
            .execute(
                "UPDATE apideck_hooks_records SET accepted_at = accepted_at - 9000000000, due = due - 9000000000;
                UPDATE apideck_hooks_records SET attempts = 2, phase = 2, rest_length = 99000000000,
                    rest_end = due + 18000000000, due = due + 18000000000 WHERE event_id = 'e-1';
                UPDATE apideck_hooks_pauses SET since = since - 150000000",
            )
            .await;
        site
    }

    async fn accept(&self, name: &str, id: &str) {
        let event = Event::new(name).id(id).consumer("acme");
        event.call(&self.hooks).await.assert_accepted();
    }

    /// The events, those accepted first first.
    pub(crate) async fn events(&self) -> Vec<WaitingEvent> {
        let events = self.hooks.inbox().list(&LetterFilter::new(), None, 100).await;
        let mut events = events.expect("a list");
        events.reverse();
        events
    }

    async fn pauses(&self) -> Vec<String> {
        let pauses = self.hooks.inbox().pauses().await.expect("pauses");
        pauses.into_iter().map(|pause| pause.pattern).collect()
    }
}

async fn inbox(console: &str, arguments: &[&str]) -> Output {
    let arguments = [&["inbox"], arguments, &["--console", console, "--json"]].concat();
    output(with_token(&arguments), b"").await
}

fn ids(objects: &[Value]) -> Vec<&str> {
    let ids = objects.iter().map(|event| event["event_id"].as_str());
    ids.map(|id| id.expect("an id")).collect()
}

#[tokio::test]
async fn the_counts_come_before_the_events() {
    let site = InboxSite::with_events().await;
    let listed = inbox(&site.url, &["list"]).await;
    let listed = listed.exits(0).objects();
    assert_eq!(
        (&listed[0]["waiting"], &listed[0]["running"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(listed[0]["paused"][0]["pattern"], "crm.*");
    assert_eq!(ids(&listed[1..]), ["lead-2", "e-1", "lead-1"]);
    for (arguments, wanted) in [
        (&["--event", "crm.*"][..], &["lead-2", "lead-1"][..]),
        (&["--event", "*"], &["lead-2", "e-1", "lead-1"]),
        (&["--event", LEAD, "--at-most", "1"], &["lead-2"]),
        (&["--limit", "2"], &["lead-2", "e-1"]),
        (&["--limit", "0"], &[]),
        (&["--since", "1h"], &[]),
        (&["--since", "9h", "--until", "1h"], &["lead-2", "e-1", "lead-1"]),
        (&["--event", "crm.thing.made"], &[]),
    ] {
        let listed = inbox(&site.url, &[&["list"], arguments].concat()).await;
        assert_eq!(ids(&listed.exits(0).objects()[1..]), wanted, "{arguments:?}");
    }
}

#[tokio::test]
async fn events_are_listed_over_all_pages() {
    let site = InboxSite::new().await;
    site.accept(LEAD, "lead-0").await;
    // The same event many times.
    site.file
        .execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2499)
            INSERT INTO apideck_hooks_records
            SELECT NULL, randomblob(16), phase, token, claim, boot, attempts, interrupted, lease_end,
                lease_length, rest_end, rest_length, first_seen, expires, accepted_at - n, due, lane,
                occurred_at, idempotency_key, source, event_type, 'lead-' || n, entity_id, consumer_id,
                context, error, dead_at, body
            FROM apideck_hooks_records, n",
        )
        .await;
    for (most, number) in [("1000", 1000), ("2400", 2400), ("100000", 2500)] {
        let listed = inbox(&site.url, &["list", "--at-most", most]).await;
        let listed = listed.exits(0).objects();
        let wanted: Vec<_> = (0..number).map(|n| format!("lead-{n}")).collect();
        assert_eq!(ids(&listed[1..]), wanted, "{most}");
    }
}

#[tokio::test]
async fn a_pause_is_begun_and_ended_with_a_name_in_the_log() {
    let (log, _captured) = Log::capture();
    let site = InboxSite::new().await;
    for (task, changed, code) in [
        ("pause", true, 0),
        ("pause", false, 0),
        ("resume", true, 0),
        ("resume", false, 1),
    ] {
        let told = inbox(&site.url, &[task, "crm.*", "--as", "maëlle"]).await;
        let wanted = json!({"schema": 1, "pattern": "crm.*", "task": task, "changed": changed});
        assert_eq!(told.exits(code).last_object(), wanted);
        let held = if task == "pause" { &["crm.*"][..] } else { &[] };
        assert_eq!(site.pauses().await, held);
    }
    assert_eq!(log.count(r#"operator="maëlle""#), 4, "{:?}", log.lines());
    for (pattern, note) in [
        ("crm.leed.created", "did you mean `crm.lead.created`"),
        ("crmm.*", "no event that begins with `crmm.`"),
    ] {
        let told = inbox(&site.url, &["pause", pattern]).await;
        assert!(told.exits(0).stderr.contains(note), "{}", told.stderr);
    }
    let told = inbox(&site.url, &["pause", "crm.le ad"]).await;
    assert!(
        told.exits(1).stderr.contains("`pattern` is malformed"),
        "{}",
        told.stderr
    );
}

/// The command that replays dead letters, under another name.
#[tokio::test]
async fn letters_of_accepted_events_are_replayed() {
    let site = InboxSite::new().await;
    for (name, id) in [(LEAD, "flaky-1"), (CALLABLE, "flaky-2"), (LEAD, "bad-3")] {
        site.accept(name, id).await;
    }
    let once = Retry::exponential(Duration::from_millis(1)).attempts(1);
    let workers = Working::begin(&site.hooks, Workers::new().retry(once));
    until_idle(&site.hooks).await;
    drop(workers);
    let replay = ["replay", "--all", "--event", "crm.*"];
    let dry = inbox(&site.url, &[&replay[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.exits(0).last_object()["count"], 2);
    assert_eq!(site.log.begun().len(), 3);
    let replayed = inbox(&site.url, &replay).await;
    let mut words: Vec<_> = replayed.exits(1).objects();
    words.sort_by_key(|letter| letter["disposition"].to_string());
    assert_eq!(words[0]["disposition"], "dead_lettered");
    assert_eq!(words[1]["disposition"], "handled");
    let left = dead_letters(&site.url, &["list", "--event", "vault.*"]).await;
    assert_eq!(ids(&left.exits(0).objects()), ["flaky-2"]);
    let record = left.last_object()["record"]
        .as_str()
        .expect("a record")
        .to_owned();
    let replayed = inbox(&site.url, &["replay", &record]).await;
    assert_eq!(replayed.exits(0).last_object()["disposition"], "handled");
    // The workers go on.
    let _workers = Working::begin(&site.hooks, quick());
    site.accept(LEAD, "next").await;
    until_idle(&site.hooks).await;
    assert_eq!(site.log.count("next"), 1);
}

#[tokio::test]
async fn wrong_use_and_a_console_that_allows_less_are_told() {
    let site = InboxSite::new().await;
    let told = run(&["inbox", "list", "--console", &site.url]).await;
    assert!(
        told.exits(1)
            .stderr
            .ends_with("set APIDECK_HOOKS_CONSOLE_TOKEN\n")
    );
    for arguments in [
        &["pause"][..],
        &["pause", ""],
        &["pause", "nonsense"],
        &["pause", "*.created"],
        &["resume", "crm.**"],
        &["replay"],
        &["list", "--since", "yesterday"],
        &["list", "--event", "nonsense"],
    ] {
        inbox(&site.url, arguments).await.exits(2);
    }
    assert!(site.pauses().await.is_empty());
    inbox("http://127.0.0.1:1", &["list"]).await.exits(3);
    inbox("http://192.0.2.1", &["list"]).await.exits(2);
    // Without `--yes` nothing is sent to a machine elsewhere.
    let far = run(&["inbox", "pause", "crm.*", "--console", "https://192.0.2.1"]).await;
    assert!(far.exits(2).stderr.contains("--yes"), "{}", far.stderr);

    let hooks = Hooks::builder(router![..]).secret(SECRET);
    let hooks = hooks.store(MemoryStore::new()).build().expect("a receiver");
    let none = serve(Console::unprotected().allow_changes(), &hooks).await;
    for arguments in [&["list"][..], &["pause", "crm.*"]] {
        let told = inbox(&none, arguments).await;
        assert!(told.exits(1).stderr.contains("has no inbox"), "{}", told.stderr);
    }
    let reads_only = serve(Console::unprotected(), &site.hooks).await;
    let told = inbox(&reads_only, &["pause", "crm.*"]).await;
    assert!(
        told.exits(1).stderr.contains("`.allow_changes()`"),
        "{}",
        told.stderr
    );
}
