use super::*;
use crate::delivery::{EVENT_TYPE, IDEMPOTENCY_KEY};
use crate::event::Family;
use crate::payload::AnyEvent;
use crate::payload::example::known_fields;
use crate::signature::{HEADER, Secret, Verifier};

fn panic_of(test: impl FnOnce() -> Event + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(test).expect_err("a panic");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn payload(event: &Event) -> AnyEvent {
    AnyEvent::from_json(event.body()).unwrap()
}

#[test]
fn a_misspelt_event_panics_with_the_near_names() {
    let message = panic_of(|| Event::new("vault.connection.callabel"));
    assert!(
        message.contains("did you mean `vault.connection.callable`"),
        "{message}"
    );
    assert!(
        Event::try_new("crm.nonsense")
            .unwrap_err()
            .to_string()
            .contains("unlisted")
    );
}

#[test]
fn a_path_that_leads_to_nothing_known_panics_with_the_near_ones() {
    let event = || Event::new("vault.connection.callable");
    let message = panic_of(move || event().set("entity.setings.region", "eu"));
    assert!(message.contains("`entity.settings.region`"), "{message}");
    let message = panic_of(move || event().set("consumer_id", "acme"));
    assert!(message.contains("`entity.consumer_id`"), "{message}");
    let message = panic_of(move || event().remove("entity.nam"));
    assert!(message.contains("`entity.name`"), "{message}");
}

/// A known path that a handler would not see would be set in silence.
#[test]
fn every_known_path_changes_the_payload() {
    for (name, family) in [
        ("vault.connection.callable", Family::Connection),
        ("crm.contact.created", Family::Resource),
    ] {
        let event = Event::new(name);
        let (fields, entity) = known_fields(family);
        let entity = entity.iter().map(|field| format!("entity.{field}"));
        let paths = fields.into_iter().map(str::to_owned).chain(entity);
        for path in paths.filter(|path| path != "entity") {
            let values: [Value; 4] = [
                "2026-01-01T00:00:00Z".into(),
                serde_json::json!({ "a": 1 }),
                false.into(),
                7.into(),
            ];
            let changed = values
                .into_iter()
                .map(|value| event.clone().set(&path, value))
                .filter_map(|changed| AnyEvent::from_json(changed.body()).ok())
                .any(|changed| changed != payload(&event));
            assert!(changed, "{name}: {path}");
        }
    }
}

#[test]
fn the_values_arrive_in_the_payload() {
    let event = Event::new("vault.connection.updated")
        .consumer("acme")
        .id("e-1")
        .attempt(3)
        .set("entity.settings.region", "eu")
        .set("entity.metadata", Value::Null)
        .set_new("entity.brand.new", true)
        .remove("entity.name");
    let AnyEvent::Connection(payload) = payload(&event) else {
        panic!("{event}")
    };
    assert_eq!(payload.entity.consumer_id, "acme");
    assert_eq!(
        (payload.event_id.as_str(), payload.execution_attempt),
        ("e-1", Some(3))
    );
    assert_eq!(payload.entity.settings.as_ref().unwrap()["region"], "eu");
    assert_eq!(payload.entity.metadata, None);
    assert_eq!(payload.entity.name, "");
    assert_eq!(
        payload.raw().pointer("/payload/entity/brand/new"),
        Some(true.into())
    );
    let resource = Event::new("crm.lead.created").consumer("acme");
    assert_eq!(self::payload(&resource).consumer_id(), "acme");
}

#[test]
fn ids_are_unique_and_a_replay_has_another_key() {
    let [first, second] = [(); 2].map(|()| Event::new("crm.lead.created"));
    assert_ne!(first.event_id(), second.event_id());
    assert_ne!(first.idempotency_key(), second.idempotency_key());
    let replay = first.clone().replayed();
    assert_eq!(replay.body(), first.body());
    assert_ne!(replay.idempotency_key(), first.idempotency_key());
    assert_ne!(
        replay.idempotency_key(),
        replay.clone().replayed().idempotency_key()
    );
}

#[test]
fn every_form_and_encoding_verifies() {
    let secret = Secret::new("key").unwrap();
    for form in [Form::Raw, Form::Sorted, Form::SortedInArrays] {
        for encoding in [Encoding::Hex, Encoding::Base64] {
            let event = Event::new("vault.connection.callable")
                .set_new("entity.list", serde_json::json!([{ "b": 1, "a": 2 }]))
                .signed(form, encoding);
            let verifier = Verifier::new([secret.clone()]).unwrap();
            let headers = event.headers(&secret);
            let length = if encoding == Encoding::Hex { 64 } else { 44 };
            assert_eq!(headers[HEADER].len(), length);
            verifier.verify(&headers, &event.body()).unwrap();
            assert_eq!(
                *event.delivery().body(),
                verifier.verify(&headers, &event.body()).unwrap().into_text()
            );
        }
    }
}

#[test]
fn headers_can_be_added_left_out_and_recorded() {
    let secret = Secret::new("key").unwrap();
    let event = Event::new("crm.lead.created").key("k-1");
    let headers = event.headers(&secret);
    assert_eq!(headers.len(), 4);
    assert_eq!(headers[IDEMPOTENCY_KEY], "k-1");
    assert_eq!(headers[EVENT_TYPE], "crm.lead.created");
    let changed = event
        .clone()
        .header("x-tenant", "acme")
        .header("x-apideck-event-type", "*")
        .without_header("x-apideck-idempotency-key");
    let headers = changed.headers(&secret);
    assert_eq!(
        (&headers["x-tenant"], &headers[EVENT_TYPE]),
        (&"acme".parse().unwrap(), &"*".parse().unwrap())
    );
    assert!(!headers.contains_key(IDEMPOTENCY_KEY));
    let recorded = event.exact([("X-Apideck-Signature", "00"), ("x-a", "1"), ("x-a", "2")]);
    let headers = recorded.headers(&secret);
    assert_eq!((headers.len(), &headers[HEADER]), (3, &"00".parse().unwrap()));
    assert_eq!(recorded.clone().again().body(), recorded.body());
}

#[test]
fn a_body_of_ones_own_keeps_its_text_and_its_id() {
    let text = r#"{ "payload": {"event_type": "crm.lead.created", "event_id": "e-1"} }"#;
    let event = Event::from_json(text).unwrap();
    assert_eq!((event.body(), event.event_id()), (text.into(), Some("e-1")));
    // Without Apideck's count there is none to raise.
    assert_eq!(event.clone().again().body(), text);
    assert!(Event::from_json("nonsense").is_err());
    let missing = Event::read("no/such/file.json").unwrap_err().to_string();
    assert!(missing.contains("no/such/file.json"), "{missing}");
    let read = Event::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/payload/example/vault.connection.callable.json"
    ));
    assert_eq!(read.unwrap().event_type(), Some(EventType::ConnectionCallable));
}

#[test]
fn debug_prints_no_body() {
    let event = Event::new("vault.connection.callable").set("entity.settings.api_key", "hunter2");
    let text = format!("{event:?} {event}");
    assert!(
        text.contains("vault.connection.callable") && !text.contains("hunter2"),
        "{text}"
    );
}
