//! Payloads, sent over sockets and compared with the values that a handler gets.

use apideck_hooks::events::*;
use apideck_hooks::{AuthType, ConnectionState, Hooks, State, on, router};
use apideck_hooks_tests::delivery::{Delivery, Encoding, Signed};
use apideck_hooks_tests::fixtures::{EXAMPLES, body, example, minify};
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::{SECRET, server};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

/// The handlers that ran, and their events.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(&'static str, ConnectionEvent)>>>);

impl Log {
    fn add(&self, handler: &'static str, event: ConnectionEvent) {
        self.0.lock().unwrap().push((handler, event));
    }
}

macro_rules! examples {
    ($($handler:ident $event:literal $payload:ident;)*) => {
        $(
            #[on($event)]
            async fn $handler(event: $payload, State(log): State<Log>) {
                log.add($event, event.into_inner());
            }
        )*

        fn receiver(log: &Log) -> Hooks {
            Hooks::builder(router![$($handler),*, ..]).secret(SECRET).state(log.clone()).build().unwrap()
        }
    };
}

examples! {
    callable "vault.connection.callable" ConnectionCallable;
    created "vault.connection.created" ConnectionCreated;
    deleted "vault.connection.deleted" ConnectionDeleted;
    disabled "vault.connection.disabled" ConnectionDisabled;
    revoked "vault.connection.revoked" ConnectionRevoked;
    refresh_failed "vault.connection.token_refresh.failed" ConnectionTokenRefreshFailed;
    refresh_pending "vault.connection.token_refresh.pending" ConnectionTokenRefreshPending;
    refresh_recovered "vault.connection.token_refresh.recovered" ConnectionTokenRefreshRecovered;
    updated "vault.connection.updated" ConnectionUpdated;
}

#[tokio::test]
async fn every_example_in_every_form_and_encoding_reaches_its_handler_once() {
    for signed in [Signed::Raw, Signed::Sorted] {
        for encoding in [Encoding::Hex, Encoding::UpperHex, Encoding::Base64] {
            let log = Log::default();
            let addr = server::hyper(receiver(&log)).await;
            for (name, json) in EXAMPLES {
                let delivery = Delivery::of(minify(json))
                    .header("x-apideck-event-type", name)
                    .header(
                        "x-apideck-idempotency-key",
                        "9755c355-56c3-4a2f-a2da-86ff4411fccb",
                    )
                    .signed(signed, encoding);
                let reply = delivery.send(addr).await;
                assert_eq!(reply.word(), "handled", "{name} {signed:?} {encoding:?}");
                let ran = std::mem::take(&mut *log.0.lock().unwrap());
                let [(handler, event)] = ran.as_slice() else {
                    panic!("{name}: {} runs", ran.len())
                };
                assert_eq!(handler, name);
                assert_is_the_example(event, name);
            }
        }
    }
}

fn assert_is_the_example(event: &ConnectionEvent, name: &str) {
    assert_eq!(event.event_type, *name);
    assert_eq!(event.event_id, "9755c355-56c3-4a2f-a2da-86ff4411fccb");
    assert_eq!(event.service_id, "apideck-vault");
    assert_eq!(event.entity_id, "1111+test_user_id");
    assert_eq!(event.entity_type, "Connection");
    assert_eq!(event.execution_attempt, Some(2));
    let occurred_at = event.occurred_at.as_ref().unwrap();
    let occurred_at = occurred_at.get().unwrap();
    assert_eq!(occurred_at, UNIX_EPOCH + Duration::from_millis(1_633_058_095_419));
    let entity = &event.entity;
    assert_eq!(entity.id, "1111+test_user_id");
    assert_eq!(entity.consumer_id, "test_user_id");
    assert_eq!(entity.unified_api, "crm");
    assert_eq!(entity.service_id, "salesforce");
    assert_eq!(entity.name, "Salesforce");
    assert!(entity.tag_line.ends_with("Free 30 day trial."));
    assert_eq!(entity.auth_type, AuthType::OAuth2);
    assert_eq!(entity.enabled, Some(name != "vault.connection.disabled"));
    let state = match name {
        "vault.connection.callable" => ConnectionState::Callable,
        "vault.connection.deleted" => ConnectionState::Available,
        "vault.connection.disabled" | "vault.connection.updated" => ConnectionState::Authorized,
        _ => ConnectionState::Added,
    };
    assert_eq!(entity.state, state);
    assert_eq!(
        entity.created_at.as_ref().unwrap().to_string(),
        "2020-09-19T12:18:37.071Z"
    );
    assert_eq!(
        event.raw().pointer("/payload/entity/name"),
        Some("Salesforce".into())
    );
}

#[test]
fn every_example_survives_a_round_trip() {
    for (name, json) in EXAMPLES {
        let AnyEvent::Connection(event) = AnyEvent::from_json(*json).unwrap() else {
            panic!("{name}")
        };
        let original: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(
            serde_json::to_value(&event).unwrap(),
            original["payload"],
            "{name}"
        );
        let back: ConnectionEvent = serde_json::from_value(original["payload"].clone()).unwrap();
        assert_eq!(back, *event);
    }
}

#[tokio::test]
async fn additions_by_apideck_break_nothing() {
    let probe = Probe::default();
    let addr = server::hyper(probe.hooks().build().unwrap()).await;
    let callable = minify(example("vault.connection.callable"));
    let mut bodies = vec![
        callable.replace("\"oauth2\"", "\"passkey\""),
        callable.replace(
            "\"state\":\"callable\"",
            "\"state\":\"dreaming\",\"health\":\"unwell\"",
        ),
        callable.replace(
            "\"enabled\":true",
            "\"enabled\":true,\"brand_new\":{\"deep\":[1,2,{\"x\":null}]}",
        ),
        callable.replace("{\"payload\":{", "{\"version\":2,\"payload\":{\"another\":[],"),
        callable.replace("2021-10-01T03:14:55.419Z", "the day before yesterday"),
        callable.replace("\"2021-10-01T03:14:55.419Z\"", "1633058095419"),
        callable.replace("\"2020-09-19T12:18:37.071Z\"", "null"),
        callable.replace("\"execution_attempt\":2", "\"execution_attempt\":2.0"),
        body("vault.connection.defragmented", "x"),
        body("billing.invoice.paid", "x"),
    ];
    // Each field missing or null, one at a time, at both levels.
    let full: serde_json::Value = serde_json::from_str(&callable).unwrap();
    for (pointer, keep) in [("/payload", "event_type"), ("/payload/entity", "")] {
        let keys: Vec<String> = full
            .pointer(pointer)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        for key in keys.iter().filter(|key| *key != keep) {
            let mut without = full.clone();
            without
                .pointer_mut(pointer)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(key);
            bodies.push(without.to_string());
            let mut null = full.clone();
            null.pointer_mut(pointer).unwrap()[key] = serde_json::Value::Null;
            bodies.push(null.to_string());
        }
    }
    for (n, body) in bodies.iter().enumerate() {
        let before = probe.count();
        // A new id, so that the event is not a duplicate.
        let body = body.replace("9755c355", &format!("{n:08}"));
        let reply = Delivery::of(body.clone())
            .header("x-apideck-idempotency-key", &format!("k{n}"))
            .send(addr)
            .await;
        assert_eq!(
            (reply.word().as_str(), probe.count()),
            ("handled", before + 1),
            "{body}"
        );
    }
}

#[on("vault.connection.callable")]
async fn only_callable(_: ConnectionCallable) {}

/// A payload with another shape than documented fails permanently, because no retry can decode it.
#[tokio::test]
async fn a_known_event_that_does_not_decode_fails_permanently() {
    let hooks = Hooks::builder(router![only_callable, ..])
        .secret(SECRET)
        .build()
        .unwrap();
    let addr = server::hyper(hooks.clone()).await;
    let deep = format!("{{\"metadata\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for (n, entity) in ["\"hunter2\"", "[7]", "7", &deep].iter().enumerate() {
        let body = format!(
            r#"{{"payload":{{"event_type":"vault.connection.callable","event_id":"e{n}","entity":{entity}}}}}"#
        );
        let reply = Delivery::of(body).send(addr).await;
        assert_eq!(reply.status, 422);
        assert!(!String::from_utf8_lossy(&reply.body).contains("hunter2"));
    }
    assert_eq!(hooks.stats().dead_letters, 4);
}

/// The sorted form of this body was signed. Of a repeated key it contains only the value that
/// JavaScript keeps.
#[tokio::test]
async fn a_handler_gets_only_the_verified_text() {
    let probe = Probe::default();
    let addr = server::hyper(probe.hooks().build().unwrap()).await;
    let sent =
        r#"{"payload":{"event_type":"vault.connection.created","event_id":"shadowed","event_id":"signed"}}"#;
    let signed = r#"{"payload":{"event_id":"signed","event_type":"vault.connection.created"}}"#;
    let signature = apideck_hooks_tests::delivery::encode(
        &apideck_hooks_tests::delivery::mac(SECRET, signed.as_bytes()),
        Encoding::Hex,
    );
    assert_eq!(
        Delivery::of(sent).signature(&signature).send(addr).await.word(),
        "handled"
    );
    let run = &probe.runs()[0];
    assert_eq!(
        (run.event_id.as_deref(), run.body.as_str()),
        (Some("signed"), signed)
    );
}
