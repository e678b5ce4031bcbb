//! Signed bodies that are not as documented, and the events that handlers get from them.

use std::sync::{Arc, Mutex};

use apideck_hooks::events::ConnectionCallable;
use apideck_hooks::signature::canonical::{Sorting, canonical};
use apideck_hooks::{AnyEvent, Hooks, State, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::{Delivery, Encoding, Signed, encode, mac};
use serde_json::Value;

#[derive(Clone, Default)]
struct Handled(Arc<Mutex<Vec<AnyEvent>>>);

#[on("vault.connection.callable")]
async fn callable(event: ConnectionCallable, State(handled): State<Handled>) {
    handled.0.lock().unwrap().push(event.into_inner().into());
}

#[on("*")]
async fn others(event: AnyEvent, State(handled): State<Handled>) {
    handled.0.lock().unwrap().push(event);
}

fn receiver() -> (Hooks, Handled) {
    let handled = Handled::default();
    let hooks = Hooks::builder(router![callable, others, ..]).secret(SECRET);
    (hooks.state(handled.clone()).build().unwrap(), handled)
}

#[tokio::test]
async fn a_number_beyond_a_double_is_null_whichever_text_is_signed() {
    for fields in [
        r#""event_id":"u-0","entity_id":"c""#,
        r#""event_id":"u-1","entity_id":null"#,
        r#""event_id":7"#,
        r#""event_id":"u-2","event_id":"u-3""#,
        r#""event_id":"\ud83d""#,
    ] {
        let body = format!(
            r#"{{"payload":{{"event_type":"vault.connection.callable",{fields},"entity":{{"metadata":{{"n":1e400}}}}}}}}"#
        );
        let sorted = canonical(body.as_bytes(), Sorting::OutsideArrays).unwrap();
        let mac = mac(SECRET, sorted.text(body.as_bytes()));
        let sorted = encode(&mac, Encoding::Hex);
        for delivery in [
            Delivery::of(body.clone()),
            Delivery::of(body.clone()).signature(&sorted),
        ] {
            let (hooks, handled) = receiver();
            let delivery = delivery.header("x-apideck-event-type", "vault.connection.callable");
            assert_eq!(delivery.call(&hooks).await.word(), "handled", "{body}");
            let Some(AnyEvent::Connection(event)) = handled.0.lock().unwrap().pop() else {
                panic!("an event of Vault")
            };
            assert_eq!(event.entity.metadata.unwrap()["n"], Value::Null);
        }
    }
}

#[tokio::test]
async fn a_body_that_names_an_event_is_never_less_than_this_event() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for body in [
        r#"{"payload":{},"payload":PAYLOAD}"#,
        r#"{"payload":PAYLOAD,"payload":PAYLOAD}"#,
        r#"{"payload":PAYLOAD}"#,
    ] {
        for ids in [
            r#""event_id":null"#,
            r#""event_id":7,"entity_id":1e400"#,
            r#""event_id":"e""#,
        ] {
            let payload = format!(
                r#"{{"event_type":"vault.connection.callable",{ids},"entity":{{"metadata":{deep}}}}}"#
            );
            let (hooks, handled) = receiver();
            let reply = Delivery::of(body.replace("PAYLOAD", &payload)).call(&hooks).await;
            assert_eq!((reply.status, hooks.stats().dead_letters), (422, 1), "{body}");
            assert!(handled.0.lock().unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn an_unlisted_event_of_any_shape_is_other() {
    for entity in ["\"s1\"", "7", "[7]"] {
        let body = format!(
            r#"{{"payload":{{"event_type":"vault.session.created","event_id":"e1","entity":{entity}}}}}"#
        );
        for signed in [Signed::Raw, Signed::Sorted] {
            let (hooks, handled) = receiver();
            let delivery = Delivery::of(body.clone()).signed(signed, Encoding::Hex);
            assert_eq!(delivery.call(&hooks).await.word(), "handled", "{body}");
            let Some(event @ AnyEvent::Other(_)) = handled.0.lock().unwrap().pop() else {
                panic!("another event")
            };
            assert_eq!(event.event_type().unwrap().as_str(), "vault.session.created");
            assert_eq!(event.event_id(), "e1");
        }
    }
}

#[tokio::test]
async fn a_signed_body_that_names_no_event_is_handed_on_as_it_is() {
    let event = r#"{"payload":{"event_type":"vault.connection.callable","event_id":"b-1"}}"#;
    let bodies: [Vec<u8>; 8] = [
        event.replace("\"b-1\"", "NaN").into(),
        event.trim_end_matches('}').into(),
        "payload=%7B%22event_type%22%3A%22vault.connection.callable%22%7D".into(),
        format!("\u{feff}{event}").into(),
        format!("[{event},{event}]").into(),
        r#"{"event_type":"vault.connection.callable","event_id":"b-6"}"#.into(),
        event.replace("\"vault.connection.callable\"", "7").into(),
        vec![0x1F, 0x8B, 0x08, 0x00, 0xFF],
    ];
    for body in bodies {
        let (hooks, handled) = receiver();
        let reply = Delivery::of(body.clone()).call(&hooks).await;
        assert_eq!(reply.word(), "handled", "{}", body.escape_ascii());
        let Some(AnyEvent::Other(other)) = handled.0.lock().unwrap().pop() else {
            panic!("not an event")
        };
        assert_eq!(
            (other.event_type(), &other.raw().as_bytes()[..]),
            (None, &body[..])
        );
    }
}
