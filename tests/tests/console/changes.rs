//! Replays and purges.

use super::{EVENT, Site, change, refusals};
use apideck_hooks::console::Console;
use apideck_hooks::store::LetterFilter;
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::waiting::until;
use serde_json::{Value, json};

fn console() -> Console {
    Console::unprotected().allow_changes()
}

fn steps(refused: usize, then: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut steps = refusals(refused);
    steps.extend(then);
    steps
}

#[tokio::test]
async fn a_replay_tells_its_disposition() {
    let site = Site::new(console(), steps(1, [Step::Fail, Step::Succeed])).await;
    let record = site.dead_letter("e1").await;
    let path = format!("dead-letters/{record}/replay");
    let failed = site.post(&path, "{}").await.json();
    assert_eq!(
        (&failed["schema"], &failed["disposition"]),
        (&json!(1), &json!("dead_lettered"))
    );
    assert_eq!(failed["error"], "secret-reason");
    let letter = site.read(&format!("dead-letters/{record}")).await;
    assert_eq!(letter["attempts"], 2);
    let handled = site.post(&path, "{}").await.json();
    assert_eq!(
        handled,
        json!({"schema": 1, "disposition": "handled", "error": null})
    );
    let gone = site.post(&path, "{}").await.json();
    assert_eq!(gone["disposition"], "duplicate");
    assert_eq!(
        site.get(&format!("/hooks/api/dead-letters/{record}"))
            .await
            .status,
        404
    );
    let rows = site.read("deliveries").await;
    let rows: Vec<_> = rows["deliveries"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["replay"].clone(), row["outcome"].clone()))
        .collect();
    assert_eq!(
        rows,
        [
            (json!(true), json!("handled")),
            (json!(true), json!("dead_lettered")),
            (json!(false), json!("dead_lettered"))
        ]
    );
}

#[tokio::test]
async fn a_purge_is_told_once() {
    let site = Site::new(console(), refusals(1)).await;
    let record = site.dead_letter("e1").await;
    let path = format!("dead-letters/{record}/purge");
    assert_eq!(
        site.post(&path, "{}").await.json(),
        json!({"schema": 1, "purged": true})
    );
    assert_eq!(
        site.post(&path, "{}").await.json(),
        json!({"schema": 1, "purged": false})
    );
    event(EVENT, "e1").call(&site.hooks).await.assert_duplicate();
    assert_eq!(site.probe.count(), 1);
}

#[tokio::test]
async fn a_running_event_is_not_purged() {
    let site = Site::new(console(), steps(1, [Step::Gate(Box::new(Step::Succeed))])).await;
    let record = site.dead_letter("e1").await;
    site.probe.started().await;
    let replay = format!("dead-letters/{record}/replay");
    let (replayed, ()) = tokio::join!(site.post(&replay, "{}"), async {
        site.probe.started().await;
        let busy = site.post(&format!("dead-letters/{record}/purge"), "{}").await;
        assert_eq!(busy.status, 409, "{busy:?}");
        let all = site.post("dead-letters/purge", "{}").await.json();
        assert_eq!(all["results"][0]["disposition"], "busy");
        let again = site
            .post(&format!("dead-letters/{record}/replay"), "{}")
            .await
            .json();
        assert_eq!(again["disposition"], "running");
        site.probe.open();
    });
    assert_eq!(replayed.json()["disposition"], "handled");
}

#[tokio::test]
async fn many_are_changed_in_order_and_counted_before() {
    let site = Site::new(console(), steps(5, [Step::Succeed, Step::Refuse, Step::Ignore])).await;
    let mut records = Vec::new();
    for n in 0..5 {
        let name = if n == 2 { "crm.lead.created" } else { EVENT };
        records.push(site.dead_letter_of(&event(name, &format!("e{n}"))).await);
    }
    let dry = site
        .post(
            "dead-letters/replay",
            r#"{"event":"vault.connection.callable","at_most":3,"dry_run":true}"#,
        )
        .await
        .json();
    let told = |record: &String, disposition: Value, error: Value| json!({"record": record, "disposition": disposition, "error": error});
    let none = |at: usize| told(&records[at], json!(null), json!(null));
    assert_eq!(
        dry,
        json!({"schema": 1, "dry_run": true, "count": 3, "results": [none(1), none(3), none(4)]})
    );
    assert_eq!(site.probe.count(), 5);
    let all = site
        .post(
            "dead-letters/replay",
            r#"{"event":"vault.connection.callable","at_most":3}"#,
        )
        .await
        .json();
    let results = json!([
        told(&records[1], json!("handled"), json!(null)),
        told(&records[3], json!("dead_lettered"), json!("secret-reason")),
        told(&records[4], json!("ignored"), json!(null)),
    ]);
    assert_eq!(
        all,
        json!({"schema": 1, "dry_run": false, "count": 3, "results": results})
    );
    let runs: Vec<_> = site
        .probe
        .runs()
        .into_iter()
        .skip(5)
        .filter_map(|run| run.event_id)
        .collect();
    assert_eq!(runs, ["e1", "e3", "e4"]);
    let purged = site
        .post(
            "dead-letters/purge",
            r#"{"since":"2020-01-01","until":"2100-01-01"}"#,
        )
        .await
        .json();
    assert_eq!(purged["count"], 3);
    let dispositions = purged["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| &result["disposition"]);
    assert!(
        dispositions
            .into_iter()
            .all(|disposition| disposition == "purged")
    );
    assert_eq!(site.read("dead-letters").await["count"], 0);
    assert_eq!(site.post("dead-letters/purge", "{}").await.json()["count"], 0);
}

/// A script sends it whose variable is not set.
#[tokio::test]
async fn an_empty_filter_does_not_match_every_letter() {
    let site = Site::new(console(), refusals(1)).await;
    site.dead_letter("e1").await;
    for body in [r#"{"event":""}"#, r#"{"since":""}"#, r#"{"until":""}"#] {
        let reply = site.post("dead-letters/purge", body).await;
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
    }
    assert_eq!(site.read("dead-letters").await["count"], 1);
}

#[tokio::test]
async fn one_change_of_many_letters_runs_at_a_time() {
    let site = Site::new(console(), steps(1, [Step::Gate(Box::new(Step::Succeed))])).await;
    site.dead_letter("e1").await;
    site.probe.started().await;
    let (all, ()) = tokio::join!(site.post("dead-letters/replay", "{}"), async {
        site.probe.started().await;
        assert_eq!(site.post("dead-letters/replay", "{}").await.status, 409);
        assert_eq!(
            site.post("dead-letters/purge", r#"{"dry_run":true}"#)
                .await
                .status,
            409
        );
        site.probe.open();
    });
    assert_eq!(all.json()["results"][0]["disposition"], "handled");
    assert_eq!(site.post("dead-letters/replay", "{}").await.status, 200);
}

/// A client that leaves stops nothing half-way, and the letters after the current one stay.
#[tokio::test]
async fn a_client_that_leaves_ends_a_change_after_the_current_letter() {
    let (log, _captured) = Log::capture();
    let gate = Step::Gate(Box::new(Step::Succeed));
    let (probe, spy) = (Probe::new(steps(2, [gate])), Spy::with_letters());
    let hooks = probe.patient_hooks().store(spy).build().expect("a receiver");
    let mut service = console().serve(&hooks);
    for id in ["e1", "e2"] {
        event(EVENT, id).call(&hooks).await.assert_dead_lettered();
        probe.started().await;
        probe.ended().await;
    }
    let replay_all = change("/api/dead-letters/replay", "{}")
        .header("host", "localhost")
        .request();
    tokio::select! {
        biased;
        response = tower_service::Service::call(&mut service, replay_all) => panic!("{response:?}"),
        () = probe.started() => {}
    }
    probe.open();
    until("the change is logged", async || {
        log.count("changed by the console") == 1
    })
    .await;
    let letters = hooks.dead_letters().expect("letters");
    let left = letters
        .list(&LetterFilter::new(), None, 9)
        .await
        .expect("letters");
    let ids: Vec<_> = left.iter().map(|dead| dead.letter.event_id.as_str()).collect();
    assert_eq!((ids, probe.count()), (vec!["e2"], 3));
}

#[tokio::test]
async fn a_store_that_fails_after_a_replay_does_not_hide_it() {
    let site = Site::new(console(), refusals(2)).await;
    let record = site.dead_letter("e1").await;
    // The letter and its claim, and then not its error.
    site.spy.fail_letters_after(2);
    let reply = site.post(&format!("dead-letters/{record}/replay"), "{}").await;
    let told = reply.json();
    assert_eq!(
        (reply.status, &told["disposition"]),
        (200, &json!("dead_lettered")),
        "{told}"
    );
    assert_eq!(told["error"], "the store failed: injected fault");
    assert_eq!(site.probe.count(), 2);
}

#[tokio::test]
async fn a_store_that_fails_is_told() {
    let site = Site::new(console(), refusals(3)).await;
    let mut records = Vec::new();
    for id in ["e1", "e2", "e3"] {
        records.push(site.dead_letter(id).await);
    }
    // Three lists, because a page of this store has two letters, and a purge.
    site.spy.fail_letters_after(4);
    let reply = site.post("dead-letters/purge", "{}").await;
    let purged = json!([{ "record": records[0], "disposition": "purged", "error": null }]);
    assert_eq!((reply.status, &reply.json()["results"]), (503, &purged));
    assert!(
        reply.json()["error"]
            .as_str()
            .is_some_and(|error| error.contains("injected fault"))
    );
    let one = format!("dead-letters/{}", records[1]);
    for path in [
        format!("{one}/purge"),
        format!("{one}/replay"),
        "dead-letters/replay".to_owned(),
    ] {
        let reply = site.post(&path, "{}").await;
        assert_eq!(reply.status, 503, "{path}");
        assert!(reply.json()["error"].is_string(), "{path}");
    }
    for path in ["dead-letters".to_owned(), one] {
        assert_eq!(
            site.get(&format!("/hooks/api/{path}")).await.status,
            503,
            "{path}"
        );
    }
    let overview = site.read("overview").await;
    assert_eq!(
        (&overview["dead_letters"], &overview["keeps_dead_letters"]),
        (&json!(null), &json!(true))
    );
    site.spy.fail_letters_after(usize::MAX);
    assert_eq!(site.read("dead-letters").await["count"], 2);
}
