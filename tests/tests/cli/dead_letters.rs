//! `apideck-hooks dead-letters`, over a console.

use crate::console::{Site, console, dead_letters, serve};
use crate::program::{command, output, run};
use apideck_hooks::console::Console;
use apideck_hooks::{Hooks, MemoryStore, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use serde_json::Value;

const RECORD: &str = "00000000000000000000000000000000";

fn dispositions(letters: &[Value]) -> Vec<&str> {
    let dispositions = letters.iter().map(|letter| letter["disposition"].as_str());
    dispositions.map(|word| word.expect("a word")).collect()
}

#[tokio::test]
async fn letters_are_listed_over_all_pages() {
    let site = Site::with_letters(130).await;
    let listed = dead_letters(&site.url, &["list", "--at-most", "200"]).await;
    let listed = listed.exits(0).objects();
    let newest_first: Vec<_> = listed.iter().map(|letter| letter["event_id"].clone()).collect();
    let wanted: Vec<_> = (0..130).rev().map(|number| format!("e-{number}")).collect();
    assert_eq!(newest_first, wanted);
    for (arguments, number) in [
        (&["list"][..], 100),
        (&["list", "--at-most", "9"], 9),
        (&["list", "--event", "vault.connection.callable"], 100),
        (&["list", "--event", "vault.*"], 100),
        (&["list", "--event", "crm.lead.created"], 0),
        (&["list", "--event", "crm.*"], 0),
        // An event that this release does not list.
        (&["list", "--event", "crm.thing.made"], 0),
        (&["list", "--since", "1h"], 100),
        (&["list", "--since", "2020-01-01T00:00:00+02:00"], 100),
        (&["list", "--until", "2020-01-01"], 0),
    ] {
        let listed = dead_letters(&site.url, arguments).await;
        assert_eq!(listed.exits(0).objects().len(), number, "{arguments:?}");
    }
}

#[tokio::test]
async fn letters_are_replayed_and_purged() {
    let site = Site::with_letters(20).await;
    let misspelt = ["replay", "--all", "--event", "vault.conection.callable"];
    let none = dead_letters(&site.url, &misspelt).await;
    assert!(
        none.exits(0)
            .stderr
            .contains("did you mean `vault.connection.callable`")
    );
    let dry = dead_letters(&site.url, &["replay", "--all", "--dry-run"]).await;
    assert_eq!(
        (&dry.exits(0).last_object()["count"], site.letters().await.len()),
        (&20.into(), 20)
    );
    let replayed = dead_letters(&site.url, &["replay", "--all", "--at-most", "10"]).await;
    let replayed = replayed.exits(1).objects();
    assert_eq!(
        dispositions(&replayed),
        ["handled", "dead_lettered"].repeat(5),
        "the newest ten, and the oldest of them first"
    );
    assert_eq!(site.letters().await.len(), 15);

    let records: Vec<_> = site.letters().await.iter().map(|dead| dead.record).collect();
    let record = records[1].to_string();
    let shown = dead_letters(&site.url, &["show", &record]).await;
    let shown = shown.exits(0).last_object();
    let body = shown["body"].as_str().expect("a body");
    assert!(body.contains(r#""event_id":"e-1""#), "{body}");
    assert_eq!(
        (&shown["source"], &shown["hidden"]),
        (&"shop".into(), &"values".into())
    );

    let two = [records[0].to_string(), record.clone()];
    let purged = dead_letters(&site.url, &["purge", &two[0], &two[1]]).await;
    assert_eq!(dispositions(&purged.exits(0).objects()), ["purged", "purged"]);
    assert_eq!(site.letters().await.len(), 13);
    for (task, disposition) in [("purge", "unknown"), ("replay", "duplicate")] {
        let gone = dead_letters(&site.url, &[task, &record]).await;
        assert_eq!(dispositions(&gone.exits(1).objects()), [disposition]);
    }
    let gone = dead_letters(&site.url, &["show", &record]).await;
    assert!(gone.exits(1).stderr.contains("no such dead letter"));
}

/// The log of a receiver with several operators tells who has changed what.
#[tokio::test]
async fn a_change_has_a_name_in_the_log() {
    let (log, _captured) = Log::capture();
    let site = Site::with_letters(2).await;
    for (name, number) in [(None, 2), (Some("maëlle"), 1)] {
        let record = site.letters().await[0].record.to_string();
        let name = name.map_or(vec![], |name| vec!["--as", name]);
        let purge = [&["purge", &record][..], &name].concat();
        dead_letters(&site.url, &purge).await.exits(0);
        assert_eq!(site.letters().await.len(), number - 1);
    }
    assert_eq!(log.count(r#"operator="apideck-hooks""#), 1, "{:?}", log.lines());
    assert_eq!(log.count(r#"operator="maëlle""#), 1, "{:?}", log.lines());
}

#[tokio::test]
async fn a_change_that_fails_half_way_tells_the_letters_before() {
    let site = Site::with_letters(4).await;
    // Two pages of two letters, an empty one, and a purge.
    site.spy.fail_letters_after(4);
    let told = dead_letters(&site.url, &["purge", "--all"]).await;
    assert_eq!(dispositions(&told.exits(1).objects()), ["purged"]);
    assert!(
        told.stderr.contains("stopped: ") && told.stderr.contains("injected fault"),
        "{}",
        told.stderr
    );
    site.spy.fail_letters_after(usize::MAX);
    assert_eq!(site.letters().await.len(), 3);
}

#[tokio::test]
async fn a_letter_whose_event_runs_is_told_and_the_others_are_changed() {
    let gate = Step::Gate(Box::new(Step::Succeed));
    let (probe, spy, console) = (
        Probe::new([Step::Refuse, Step::Refuse, gate]),
        Spy::with_letters(),
        console(),
    );
    let hooks = probe
        .patient_hooks()
        .store(spy.clone())
        .build()
        .expect("a receiver");
    let mut records = Vec::new();
    for id in ["e-1", "e-2"] {
        event("vault.connection.callable", id)
            .call(&hooks)
            .await
            .assert_dead_lettered();
        probe.started().await;
        records.push(spy.last_claim().record.to_string());
    }
    let url = serve(console, &hooks).await;
    let (replayed, ()) = tokio::join!(
        dead_letters(&url, &["replay", "--all", "--at-most", "2"]),
        async {
            probe.started().await;
            let purged = dead_letters(&url, &["purge", &records[0], &records[1]]).await;
            let purged = purged.exits(1).objects();
            assert_eq!(dispositions(&purged), ["busy", "purged"]);
            assert!(purged[0]["error"].is_string());
            let all = dead_letters(&url, &["purge", "--all"]).await;
            assert!(
                all.exits(1).stderr.contains("stopped: another change"),
                "{}",
                all.stderr
            );
            probe.open();
        }
    );
    // The second one was purged meanwhile.
    assert_eq!(
        dispositions(&replayed.exits(1).objects()),
        ["handled", "duplicate"]
    );
}

#[tokio::test]
async fn a_console_that_allows_less_tells_why() {
    let hooks = Hooks::builder(router![..]).secret(SECRET);
    let hooks = hooks.store(MemoryStore::new()).build().expect("a receiver");
    let reads_only = serve(Console::unprotected(), &hooks).await;
    let told = dead_letters(&reads_only, &["purge", RECORD]).await;
    assert!(
        told.exits(1).stderr.contains("`.allow_changes()`"),
        "{}",
        told.stderr
    );
    let told = run(&["dead-letters", "list", "--console", &reads_only]).await;
    assert!(
        told.exits(1).stderr.contains("keeps no dead letters"),
        "{}",
        told.stderr
    );
}

#[tokio::test]
async fn wrong_use_and_a_wrong_token_are_told() {
    let url = Site::with_letters(0).await.url;
    let told = run(&["dead-letters", "list", "--console", &url]).await;
    assert!(
        told.exits(1)
            .stderr
            .ends_with("set APIDECK_HOOKS_CONSOLE_TOKEN\n")
    );
    let mut wrong = command(&["dead-letters", "list", "--console", &url]);
    wrong.env("APIDECK_HOOKS_CONSOLE_TOKEN", "wrong-password");
    let told = output(wrong, b"").await;
    assert!(told.exits(1).stderr.contains("another token") && !told.stderr.contains("wrong-password"));
    for arguments in [
        &["show", "../receiver"][..],
        &["show", "e-1"],
        &["replay"],
        &["replay", RECORD, "--all"],
        &["replay", RECORD, "--dry-run"],
        &["replay", RECORD, "--event", "crm.lead.created"],
        &["list", "--since", "yesterday"],
        &["list", "--event", "nonsense"],
        &["list", "--as", "a:b"],
        &["list", "--event", "*.lead.created"],
    ] {
        dead_letters(&url, arguments).await.exits(2);
    }
    dead_letters("http://127.0.0.1:1", &["list"]).await.exits(3);
    dead_letters("http://192.0.2.1", &["list"]).await.exits(2);
    let elsewhere = dead_letters(&url.replace("/hooks", "/elsewhere"), &["list"]).await;
    assert!(elsewhere.exits(1).stderr.contains("nothing is mounted here"));
}
