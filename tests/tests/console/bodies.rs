//! Kept bodies: shown as they are, without credentials.

use super::{EVENT, Site, refusals};
use apideck_hooks::console::Console;
use apideck_hooks::testing::Event;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::kit::of;

const BODY: &str = r#"{"payload" : {"event_type":"vault.connection.callable","event_id":"e1","entity":{"consumer_id":"acme","n":1.0e2,
  "sett\u0069ngs":{"api_key":"hush-1","nested":[{"metadata":"hush-2"}]},"settings":"hush-3","metadata":{"company":"hush-4"},"url":"https:\/\/x"}}}"#;
const BLANKED: &str = r#"{"payload" : {"event_type":"vault.connection.callable","event_id":"e1","entity":{"consumer_id":"acme","n":1.0e2,
  "sett\u0069ngs":{"api_key":"[hidden]","nested":[{"metadata":"[hidden]"}]},"settings":"[hidden]","metadata":{"company":"[hidden]"},"url":"https:\/\/x"}}}"#;

#[tokio::test]
async fn a_body_is_shown_as_it_is_and_without_credentials() {
    let site = Site::new(Console::unprotected(), refusals(1)).await;
    let record = site.dead_letter_of(&of(BODY)).await;
    let letter = site.read(&format!("dead-letters/{record}")).await;
    assert_eq!(letter["body"], BLANKED);
    assert_eq!(letter["hidden"], "values");
    assert_eq!(
        (&letter["event_id"], &letter["consumer_id"]),
        (&"e1".into(), &"acme".into())
    );
    assert_eq!(letter["body_bytes"], BODY.len());
    assert!(!letter.to_string().contains("hush"), "{letter}");
}

#[tokio::test]
async fn credentials_are_shown_on_demand() {
    let site = Site::new(Console::unprotected().show_credentials(), refusals(1)).await;
    let record = site.dead_letter_of(&of(BODY)).await;
    let letter = site.read(&format!("dead-letters/{record}")).await;
    assert_eq!(letter["body"], BODY);
    assert_eq!(letter["hidden"], "nothing");
}

/// A body that is not JSON reaches a handler of every event, and can be dead-lettered.
#[tokio::test]
async fn a_body_that_is_not_json_is_hidden() {
    for body in [&b"api_key=hush"[..], b"{\"settings\":\"hush\"", b"\xff\"hush\""] {
        let site = Site::new(Console::unprotected(), refusals(1)).await;
        let reply = Delivery::of(body.to_vec()).call(&site.hooks).await;
        assert_eq!(reply.word(), "dead_lettered", "{reply:?}");
        let letter = site
            .read(&format!("dead-letters/{}", site.spy.last_claim().record))
            .await;
        assert_eq!(
            (&letter["body"], &letter["hidden"]),
            (&"[hidden]".into(), &"all".into())
        );
        assert!(!letter.to_string().contains("hush"), "{letter}");
    }
}

#[tokio::test]
async fn a_letter_that_is_not_there_is_not_found() {
    let site = Site::new(Console::unprotected(), refusals(1)).await;
    site.dead_letter_of(&Event::new(EVENT)).await;
    for (path, status) in [
        ("dead-letters/00000000000000000000000000000000", 404),
        ("dead-letters/0000", 400),
        ("dead-letters/%2e%2e%2f%2e%2e", 400),
        ("dead-letters/../../console.js", 404),
        ("dead-letters/", 400),
        ("overview/", 404),
        ("", 404),
    ] {
        let reply = site.get(&format!("/hooks/api/{path}")).await;
        assert_eq!(reply.status, status, "{path}: {reply:?}");
        assert!(reply.json()["error"].is_string(), "{path}");
    }
}
