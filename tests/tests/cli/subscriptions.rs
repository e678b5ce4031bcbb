//! `apideck-hooks subscriptions`.

use crate::apideck::ApideckStandIn;
use crate::console::{Site, with_token};
use crate::program::{command, output, run};
use serde_json::{Value, json};

fn webhook(id: usize, events: Value) -> Value {
    json!({
        "id": format!("w-{id}"), "status": "enabled", "disabled_reason": "none", "unified_api": "crm",
        "delivery_url": "https://example.com/", "events": events,
    })
}

async fn compared(events: Value) -> (i32, Value) {
    let api = ApideckStandIn::default();
    api.subscribe(webhook(1, events));
    let (api, console) = (api.start().await, Site::with_letters(0).await.url);
    let command = with_token(&["subscriptions", "--api", &api, "--console", &console, "--json"]);
    let output = output(command, b"").await;
    (output.code, output.last_object())
}

#[tokio::test]
async fn subscriptions_and_handlers_are_compared() {
    let handled = json!([
        "vault.connection.callable",
        "crm.lead.created",
        "crm.lead.deleted"
    ]);
    let (code, told) = compared(handled).await;
    assert_eq!(code, 0, "{told}");
    let (code, told) = compared(json!([
        "vault.connection.callable",
        "crm.lead.created",
        "crm.lead.updated",
        "crm.thing.made"
    ]))
    .await;
    assert_eq!(code, 1);
    assert_eq!(told["subscribed_without_a_handler"], json!(["crm.lead.updated"]));
    assert_eq!(told["subscribed_and_not_listed"], json!(["crm.thing.made"]));
    assert_eq!(
        told["handled_without_a_subscription"],
        json!(["crm.lead.deleted"])
    );
    let (code, told) = compared(json!(["*"])).await;
    assert_eq!((code, &told["subscribed_to_all"]), (0, &true.into()));
    assert_eq!(
        told["subscribed_without_a_handler"]
            .as_array()
            .expect("a list")
            .len(),
        137
    );
}

#[tokio::test]
async fn all_pages_are_read() {
    let api = ApideckStandIn::default();
    for id in 0..100 {
        api.subscribe(webhook(id, json!(["crm.lead.created"])));
    }
    let url = api.start().await;
    let listed = run(&["subscriptions", "--api", &url, "--json"]).await;
    assert_eq!(listed.exits(0).objects().len(), 100);
    assert_eq!(api.requests().len(), 3);
}

#[tokio::test]
async fn apideck_s_errors_are_explained() {
    let api = ApideckStandIn::default();
    api.subscribe(webhook(1, json!([])));
    let url = api.start().await;
    for (status, text) in [
        (401, "application id"),
        (402, "plan"),
        (403, "may not"),
        (404, "no such API"),
        (418, "refused"),
    ] {
        api.fail(status, None);
        let told = run(&["subscriptions", "--api", &url]).await;
        let error = &told.exits(1).stderr;
        assert!(
            error.contains(&status.to_string()) && error.contains(text),
            "{error}"
        );
    }
    let mut other = command(&["subscriptions", "--api", &url]);
    other.env("APIDECK_API_KEY", "another-key");
    assert!(
        output(other, b"")
            .await
            .exits(1)
            .stderr
            .contains("does not belong")
    );
    // A pause of none, so that the test does not wait.
    for status in [429, 500, 503, 429] {
        api.fail(status, Some("0"));
    }
    run(&["subscriptions", "--api", &url]).await.exits(0);
    for _ in 0..5 {
        api.fail(503, Some("0"));
    }
    let told = run(&["subscriptions", "--api", &url]).await;
    assert!(told.exits(1).stderr.contains("also after a pause"));
    assert!(
        run(&["subscriptions", "--api", "http://127.0.0.1:1"])
            .await
            .exits(3)
            .stdout
            .is_empty()
    );
    assert!(
        run(&["subscriptions", "--api", "http://192.0.2.1"])
            .await
            .exits(2)
            .stderr
            .contains("in the clear")
    );
}
