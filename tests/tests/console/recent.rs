//! The head of the page, and the list of deliveries.

use super::{EVENT, Site, refusals, request};
use apideck_hooks::console::Console;
use apideck_hooks::testing::{Event, Forgery};
use apideck_hooks::{MemoryStore, SqliteStore};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::directory::file_of_this_thread;
use apideck_hooks_tests::kit::{Deliver, event, over_socket};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::server;
use apideck_hooks_tests::spy::Spy;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn ids(value: &Value) -> Vec<&str> {
    let rows = value["deliveries"].as_array().expect("rows").iter();
    rows.map(|row| row["event_id"].as_str().unwrap_or("-")).collect()
}

#[tokio::test]
async fn a_row_tells_the_delivery_its_run_and_its_signature() {
    let site = Site::new(Console::unprotected(), [Step::Fail]).await;
    let sent = Event::new(EVENT).id("e1").key("k1").consumer("acme").attempt(3);
    over_socket(site.addr, "/", SECRET)
        .send(&sent)
        .await
        .assert_failed();
    let found = site.read("deliveries").await;
    let row = &found["deliveries"][0];
    for (name, expected) in [
        ("outcome", json!("failed")),
        ("status", json!(500)),
        ("event_type", json!(EVENT)),
        ("event_id", json!("e1")),
        ("consumer_id", json!("acme")),
        ("handler", json!("scripted")),
        ("execution_attempt", json!(3)),
        ("idempotency_key", json!("k1")),
        ("replay", json!(false)),
        ("form", json!("raw")),
        ("encoding", json!("hex")),
        ("secret", json!(0)),
        ("bytes", json!(sent.body().len())),
    ] {
        assert_eq!(row[name], expected, "{name} of {row}");
    }
    let run = &row["run"];
    assert_eq!((&run["attempt"], &run["max_attempts"]), (&json!(1), &json!(8)));
    assert_eq!(run["outcome"], "failed");
    assert_eq!(run["error"], "secret-reason");
    assert!(row["received_at"].as_str().is_some_and(|at| at.ends_with('Z')));
}

#[tokio::test]
async fn a_run_that_goes_on_after_its_answer_is_shown_to_its_end() {
    let console = Console::unprotected();
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let hooks = probe.patient_hooks().response_deadline(Duration::from_millis(20));
    let hooks = hooks.observe(console.observer()).build().expect("a receiver");
    let app = axum::Router::new().nest_service("/hooks", console.serve(&hooks));
    let addr = server::axum(app).await;
    let row = async || {
        request(Method::GET, "/hooks/api/deliveries")
            .send(addr)
            .await
            .json()["deliveries"][0]
            .clone()
    };
    let answer = event(EVENT, "e1").call(&hooks).await;
    assert_eq!(answer.status(), Some(503));
    let before = row().await;
    assert_eq!(
        (&before["outcome"], &before["run"]["outcome"]),
        (&json!("running"), &json!(null))
    );
    probe.open();
    apideck_hooks_tests::waiting::until("the run has ended", async || {
        row().await["run"]["outcome"] == "handled"
    })
    .await;
    assert_eq!(row().await["outcome"], "running");
}

#[tokio::test]
async fn deliveries_are_filtered_and_paged() {
    let site = Site::new(Console::unprotected(), [Step::Succeed, Step::Ignore]).await;
    for (name, id) in [
        (EVENT, "e1"),
        (EVENT, "e2"),
        ("crm.lead.created", "e3"),
        (EVENT, "é4"),
    ] {
        event(name, id).call(&site.hooks).await.assert_acknowledged();
    }
    let found = async |query: &str| site.read(&format!("deliveries{query}")).await;
    assert_eq!(ids(&found("").await), ["é4", "e3", "e2", "e1"]);
    assert_eq!(ids(&found("?event=crm.lead.created").await), ["e3"]);
    assert_eq!(ids(&found("?event=crm.*").await), ["e3"]);
    assert_eq!(ids(&found("?event=crm").await), [""; 0]);
    assert_eq!(ids(&found("?outcome=ignored").await), ["e2"]);
    assert_eq!(ids(&found("?text=%C3%894").await), ["é4"]);
    assert_eq!(ids(&found("?text=KEY-OF-E1").await), ["e1"]);
    assert_eq!(ids(&found("?event=vault.*&text=e1&limit=1").await), ["e1"]);
    let first = found("?limit=3").await;
    assert_eq!(ids(&first), ["é4", "e3", "e2"]);
    let rest = found(&format!("?limit=3&before={}", first["next"])).await;
    assert_eq!((ids(&rest), &rest["next"]), (vec!["e1"], &json!(null)));
    for malformed in [
        "?evnt=x",
        "?limit=x",
        "?before=-1",
        "?text=%zz",
        "?event=a&event=b",
    ] {
        let reply = site.get(&format!("/hooks/api/deliveries{malformed}")).await;
        assert_eq!(
            (reply.status, &reply.json()["schema"]),
            (400, &json!(1)),
            "{malformed}"
        );
        assert!(reply.json()["error"].is_string());
    }
}

/// The last 1,000 deliveries are kept, whatever strangers send.
#[tokio::test]
async fn the_rings_are_bounded_and_strangers_push_nothing_out() {
    let site = Site::new(Console::unprotected(), []).await;
    for n in 0..1010 {
        event("crm.lead.created", &format!("e{n}"))
            .call(&site.hooks)
            .await
            .assert_acknowledged();
    }
    let apideck = apideck_hooks::testing::Apideck::new(site.hooks.clone(), SECRET);
    for _ in 0..150 {
        apideck
            .forge(&event(EVENT, "x"), Forgery::OtherSecret)
            .await
            .assert_refused();
    }
    let found = site.read("deliveries?limit=9999").await;
    assert_eq!(ids(&found).len(), 1000);
    let refused = site.read("deliveries?outcome=unauthorized&limit=1000").await;
    assert_eq!(ids(&refused), ["-"; 100]);
    let handled = site.read("deliveries?outcome=handled&limit=1000").await;
    assert_eq!(ids(&handled).len(), 1000);
    assert_eq!(handled["deliveries"][999]["event_id"], "e10");
    let overview = site.read("overview").await;
    assert_eq!(overview["totals"]["handled"], 1010);
    assert_eq!(overview["totals"]["unauthorized"], 150);
}

#[tokio::test]
async fn a_long_text_of_an_event_is_cut() {
    let site = Site::new(Console::unprotected(), []).await;
    let id = "é".repeat(100_000);
    event("crm.lead.created", &id)
        .without_header("x-apideck-idempotency-key")
        .call(&site.hooks)
        .await
        .assert_acknowledged();
    let row = site.read("deliveries").await["deliveries"][0].clone();
    let kept = row["event_id"].as_str().expect("an id");
    assert!(kept.len() < 300 && kept.ends_with("é…"), "{kept}");
}

#[tokio::test]
async fn the_head_counts_this_process() {
    let console = Console::unprotected().allow_changes();
    let site = Site::new(console, refusals(1)).await;
    site.dead_letter("e1").await;
    event(EVENT, "e2").call(&site.hooks).await.assert_acknowledged();
    let overview = site.read("overview").await;
    for (name, expected) in [
        ("scope", json!("this process")),
        ("changes", json!(true)),
        ("credentials", json!(false)),
        ("observing", json!(true)),
        ("source", json!("tests")),
        ("dead_letters", json!(1)),
        ("keeps_dead_letters", json!(true)),
        ("in_flight", json!(0)),
        ("ready", json!(true)),
        ("rate_per_minute", json!(2.0)),
    ] {
        assert_eq!(overview[name], expected, "{name}");
    }
    let minutes = overview["minutes"].as_array().expect("minutes");
    assert!((1..=60).contains(&minutes.len()));
    let count = |outcome: &str| -> u64 {
        minutes
            .iter()
            .filter_map(|minute| minute["outcomes"][outcome].as_u64())
            .sum()
    };
    assert_eq!((count("dead_lettered"), count("handled")), (1, 1));
    let signatures = &overview["signatures"];
    assert_eq!(
        (&signatures[0]["form"], &signatures[0]["count"]),
        (&json!("raw"), &json!(2))
    );
    let receiver = site.read("receiver").await;
    assert_eq!(receiver["receiver"]["handlers"][0]["name"], "scripted");
    assert_eq!(
        receiver["receiver"],
        serde_json::to_value(site.hooks.describe()).expect("JSON")
    );
}

#[tokio::test(start_paused = true)]
async fn the_hour_has_sixty_minutes() {
    let console = Console::unprotected();
    let probe = Probe::new([]);
    let hooks = probe
        .hooks()
        .observe(console.observer())
        .build()
        .expect("a receiver");
    let mut service = console.serve(&hooks);
    let mut overview = async || {
        let request = http::Request::get("http://localhost/api/overview")
            .body(String::new())
            .expect("a request");
        let response = tower_service::Service::call(&mut service, request)
            .await
            .expect("infallible");
        let body = http_body_util::BodyExt::collect(response.into_body())
            .await
            .expect("infallible");
        serde_json::from_slice::<Value>(&body.to_bytes()).expect("JSON")
    };
    for n in 0..3 {
        event(EVENT, &format!("e{n}"))
            .call(&hooks)
            .await
            .assert_acknowledged();
        tokio::time::advance(Duration::from_secs(30 * 60)).await;
    }
    let now = overview().await;
    let minutes = now["minutes"].as_array().expect("minutes");
    assert_eq!(minutes.len(), 60);
    let handled: Vec<_> = minutes
        .iter()
        .map(|minute| minute["outcomes"]["handled"].as_u64().unwrap_or(0))
        .collect();
    assert_eq!(handled.iter().sum::<u64>(), 1, "{handled:?}");
    assert_eq!(handled[29], 1, "{handled:?}");
    assert_eq!(now["rate_per_minute"], 0.0);
    assert_eq!(now["totals"]["handled"], 3);
}

/// Nothing depends on dead letters, and nobody is misled by an empty list.
#[tokio::test]
async fn a_receiver_without_a_durable_store_has_no_letters() {
    let spy = Spy::over(Arc::new(MemoryStore::new()));
    let site = Site::over(Console::unprotected().allow_changes(), [], spy).await;
    let overview = site.read("overview").await;
    assert_eq!(
        (&overview["dead_letters"], &overview["keeps_dead_letters"]),
        (&json!(null), &json!(false))
    );
    for path in ["dead-letters", "dead-letters/00000000000000000000000000000000"] {
        let reply = site.get(&format!("/hooks/api/{path}")).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(
            reply.json()["error"]
                .as_str()
                .is_some_and(|error| error.contains("keeps no dead letters"))
        );
    }
    for path in [
        "dead-letters/replay",
        "dead-letters/00000000000000000000000000000000/purge",
    ] {
        assert_eq!(site.post(path, "{}").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn letters_are_listed_by_pages_and_filters() {
    let console = Console::unprotected();
    let probe = Probe::new(refusals(25));
    let store = SqliteStore::open(file_of_this_thread("hooks.db"))
        .await
        .expect("a store");
    let hooks = probe.patient_hooks().store(store).build().expect("a receiver");
    let app = axum::Router::new().nest_service("/hooks", console.serve(&hooks));
    let addr = server::axum(app).await;
    for n in 0..25 {
        let name = if n < 22 { EVENT } else { "crm.lead.created" };
        event(name, &format!("e{n:02}"))
            .call(&hooks)
            .await
            .assert_dead_lettered();
    }
    let list = async |query: &str| {
        let reply = request(Method::GET, &format!("/hooks/api/dead-letters{query}"))
            .send(addr)
            .await;
        assert_eq!(reply.status, 200, "{query}: {reply:?}");
        reply.json()
    };
    let ids = |page: &Value| -> Vec<String> {
        let letters = page["letters"].as_array().expect("letters").iter();
        letters
            .map(|letter| letter["event_id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let newest_first: Vec<_> = (0..25).rev().map(|n| format!("e{n:02}")).collect();
    let all = list("?limit=200").await;
    assert_eq!(
        (ids(&all), &all["next"], &all["count"]),
        (newest_first.clone(), &json!(null), &json!(25))
    );
    assert!(all["letters"][0]["body"].is_null(), "a list has no bodies");
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("?limit=7{after}")).await;
        paged.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(paged, newest_first);
    let leads = list("?event=crm.lead.created&limit=2").await;
    assert_eq!(
        (ids(&leads), &leads["count"]),
        (vec!["e24".to_owned(), "e23".to_owned()], &json!(3))
    );
    assert_eq!(list("?since=2100-01-01T00:00:00Z").await["count"], 0);
    assert_eq!(list("?until=2020-01-01").await["count"], 0);
    assert_eq!(
        list("?since=2020-01-01T00:00:00%2B02:00&until=2100-01-01").await["count"],
        25
    );
    for malformed in [
        "?event=*.created",
        "?since=soon",
        "?after=x",
        "?limit=-1",
        "?until=2020-13-01",
        "?unti=2020-01-01",
    ] {
        let reply = request(Method::GET, &format!("/hooks/api/dead-letters{malformed}"))
            .send(addr)
            .await;
        assert_eq!(reply.status, 400, "{malformed}: {reply:?}");
    }
}
