//! Bodies that are not as documented.

use super::*;

fn event(json: &str) -> AnyEvent {
    AnyEvent::from_json(json).unwrap()
}

#[test]
fn all_but_the_name_may_be_missing_or_null() {
    let bare = event(r#"{"payload":{"event_type":"vault.connection.created"}}"#);
    let nulls = event(
        r#"{"payload":{"event_type":"vault.connection.created","event_id":null,"entity":null,"entity_id":null,
            "execution_attempt":null,"occurred_at":null,"migrated_from":null,"service_id":null}}"#,
    );
    assert_eq!(bare, nulls);
    let inner_nulls = event(
        r#"{"payload":{"event_type":"vault.connection.created","entity":{"id":null,"state":null,"auth_type":null,
            "health":null,"enabled":null,"settings":null,"metadata":null,"created_at":null,"updated_at":null}}}"#,
    );
    assert_eq!(bare, inner_nulls);
}

#[test]
fn the_last_duplicate_key_wins() {
    let doubled = r#"{"payload":{"event_type":"crm.lead.created","event_id":"a","event_id":"b"}}"#;
    assert_eq!(event(doubled).event_id(), "b");
}

#[test]
fn an_odd_field_leaves_the_identity() {
    let text = verified(
        r#"{"payload":{"event_type":"vault.connection.created","event_id":7,"entity_id":"c","entity":"odd"}}"#,
    );
    let Parsed::Event {
        event_type,
        identity,
        event,
    } = parse(&text)
    else {
        panic!("an event")
    };
    assert_eq!(event_type, EventType::ConnectionCreated);
    assert_eq!(
        (identity.event_id.as_str(&text), identity.entity_id.as_str(&text)),
        ("7", "c")
    );
    assert!(event.is_err());
}

#[test]
fn odd_numbers_of_attempts_are_none() {
    for (json, attempts) in [
        ("2", Some(2)),
        ("2.0", Some(2)),
        ("-1", None),
        ("1e300", None),
        ("2.5", None),
        ("4294967295", Some(u32::MAX)),
    ] {
        let text = format!(
            r#"{{"payload":{{"event_type":"vault.connection.created","execution_attempt":{json}}}}}"#
        );
        let AnyEvent::Connection(event) = event(&text) else {
            panic!("a connection event")
        };
        assert_eq!(event.execution_attempt, attempts, "{json}");
    }
}

#[test]
fn an_odd_field_costs_itself_only() {
    let AnyEvent::Connection(odd) = event(
        r#"{"payload":{"event_type":"vault.connection.created","event_id":7,"execution_attempt":"2","service_id":[],
            "entity_id":{},"entity":{"id":12,"name":true,"enabled":1,"state":7,"health":{},"settings":[],
            "metadata":"x","auth_type":"basic"}}}"#,
    ) else {
        panic!("a connection event")
    };
    let mut expected = ConnectionEvent {
        event_type: EventType::ConnectionCreated,
        event_id: "7".to_owned(),
        ..Default::default()
    };
    expected.entity.id = "12".to_owned();
    expected.entity.name = "true".to_owned();
    expected.entity.state = crate::payload::ConnectionState::Other("7".to_owned());
    expected.entity.auth_type = crate::payload::AuthType::Basic;
    assert_eq!(*odd, expected);
}

#[test]
fn fields_of_the_other_family_may_have_any_shape() {
    for entity in ["\"c1\"", "[1]", "{\"id\":[12]}", "7"] {
        let text = format!(
            r#"{{"payload":{{"event_type":"crm.contact.created","entity":{entity},"migrated_from":[]}}}}"#
        );
        assert!(matches!(event(&text), AnyEvent::Resource(_)), "{entity}");
    }
    let text = r#"{"payload":{"event_type":"vault.connection.created","unified_api":[1],"consumer_id":{}}}"#;
    assert!(matches!(event(text), AnyEvent::Connection(_)));
}

/// As JavaScript prints an emoji that was cut in half.
#[test]
fn a_lone_surrogate_costs_one_character() {
    let text = r#"{"payload":{"event_type":"vault.connection.created","entity":{"name":"cut \ud83d"}}}"#;
    let AnyEvent::Connection(cut) = event(text) else {
        panic!("a connection event")
    };
    assert_eq!(cut.entity.name, "cut \u{fffd}");
    assert_eq!(cut.raw().as_str(), text);
}

fn parts(json: &str) -> (EventType, [String; 2], Result<AnyEvent, DecodeError>) {
    let text = verified(json);
    let Parsed::Event {
        event_type,
        identity,
        event,
    } = parse(&text)
    else {
        panic!("{json} names an event")
    };
    let ids = [&identity.event_id, &identity.entity_id].map(|id| id.as_str(&text).to_owned());
    (event_type, ids, event)
}

fn connection(json: &str) -> Box<ConnectionEvent> {
    match event(json) {
        AnyEvent::Connection(event) => event,
        other => panic!("{other:?} for {json}"),
    }
}

fn levels(count: usize) -> String {
    format!("{}{}", "[".repeat(count), "]".repeat(count))
}

#[test]
fn a_listed_event_that_is_nested_too_deeply_does_not_decode_and_keeps_its_identity() {
    let deep = levels(200);
    for field in [
        format!(r#""entity":{{"metadata":{deep}}}"#),
        format!(r#""entity":{{"settings":{{"a":{deep}}}}}"#),
        format!(r#""migrated_from":{deep}"#),
    ] {
        let text = format!(
            r#"{{"payload":{{"event_type":"vault.connection.callable","event_id":"e1","entity_id":7,{field}}}}}"#
        );
        let (event_type, ids, event) = parts(&text);
        assert_eq!(event_type, EventType::ConnectionCallable);
        assert_eq!(ids, ["e1", "7"]);
        assert!(
            event.unwrap_err().to_string().contains("nested too deeply"),
            "{field}"
        );
        assert!(matches!(
            self::event(&text.replace("vault.connection.callable", "crm.lead.created")),
            AnyEvent::Resource(_)
        ));
    }
}

#[test]
fn a_payload_that_comes_twice_counts_the_second_time() {
    for first in [
        "{}",
        "7",
        "null",
        r#"{"event_type":"crm.lead.created","event_id":"e0"}"#,
    ] {
        let payload = |value: &str| {
            format!(
                r#"{{"payload":{first},"payload":{{"event_type":"vault.connection.callable","event_id":"e1",
                "entity":{{"metadata":{value}}}}}}}"#
            )
        };
        assert_eq!(event(&payload("{}")).event_id(), "e1");
        let (event_type, ids, event) = parts(&payload(&levels(200)));
        assert_eq!(event_type, EventType::ConnectionCallable);
        assert_eq!(ids[0], "e1");
        assert!(event.is_err());
    }
}

#[test]
fn all_levels_that_a_sorted_text_can_have_are_read() {
    let text = |count: usize| {
        let deep = levels(count);
        format!(
            r#"{{"payload":{{"event_type":"vault.connection.callable","entity":{{"metadata":{{"a":{deep}}}}}}}}}"#
        )
    };
    assert!(parts(&text(MAX_DEPTH - 4)).2.is_ok());
    assert!(parts(&text(MAX_DEPTH - 3)).2.is_err());
}

#[test]
fn a_field_that_is_not_known_may_be_anything() {
    for value in ["1e400", "\"\\ud83d\"", "{\"\\ud83d\":1}", &levels(100_000)] {
        let payload = r#""event_type":"vault.connection.created","entity":{"id":"a","new":"#;
        let text = format!(r#"{{"payload":{{{payload}{value}}},"new":{value}}},"new":{value}}}"#);
        assert_eq!(connection(&text).entity.id, "a");
    }
}

#[test]
fn an_odd_number_never_costs_the_event() {
    for ids in [
        r#""entity_id":null"#,
        r#""event_id":7"#,
        r#""event_id":"u-2","event_id":"u-3""#,
        r#""event_id":"\ud83d""#,
        r#""event_id":1e400"#,
        r#""execution_attempt":1e400,"occurred_at":1e400"#,
    ] {
        let event = connection(&format!(
            r#"{{"payload":{{"event_type":"vault.connection.callable",{ids},"entity":{{"metadata":{{"n":1e400}}}}}}}}"#
        ));
        assert_eq!(
            event.entity.metadata.unwrap()["n"],
            serde_json::Value::Null,
            "{ids}"
        );
        assert_eq!((event.execution_attempt, event.occurred_at), (None, None));
    }
}

#[test]
fn numbers_in_settings_are_those_of_javascript() {
    // The largest of these is half a unit below the first number that is beyond a double.
    let largest = format!("{}9", &format!("{:.0}", f64::MAX)[..308]);
    for text in [
        "12.100000000000001",
        "1330360.1526751001",
        "999999999999.9999",
        "123456789012345678901",
        "2e-23",
        "9007199254740993",
        &largest,
    ] {
        // Another field of the second body is odd, so it is read in the other way.
        for more in ["", r#","event_id":7"#] {
            let event = connection(&format!(
                r#"{{"payload":{{"event_type":"vault.connection.created","entity":{{"settings":{{"v":{text}}}}}{more}}}}}"#
            ));
            let read = event.entity.settings.unwrap()["v"].as_f64();
            assert_eq!(read, text.parse().ok(), "{text}");
        }
    }
}

#[test]
fn an_id_that_is_a_number_is_its_digits() {
    for digits in [
        "7",
        "-7",
        "1.0",
        "1e2",
        "123456789012345678901234567890",
        "123456789012345678901234567891",
    ] {
        let text = format!(
            r#"{{"payload":{{"event_type":"crm.lead.created","event_id":{digits},"entity_id":{digits}}}}}"#
        );
        let (_, ids, event) = parts(&text);
        assert_eq!(ids, [digits; 2]);
        assert_eq!(event.unwrap().event_id(), digits);
    }
}

#[test]
fn keys_of_metadata_that_are_different_lone_surrogates_stay_different() {
    let event = connection(
        r#"{"payload":{"event_type":"vault.connection.created","entity":{"metadata":{"\ud83d":1,"\ud83e":2}}}}"#,
    );
    assert_eq!(event.entity.metadata.unwrap().len(), 2);
    let value = event.raw.0.to_value().unwrap();
    assert_eq!(
        value["payload"]["entity"]["metadata"].as_object().unwrap().len(),
        2
    );
}

#[test]
fn an_unlisted_event_of_any_shape_is_other() {
    for payload in [
        r#""entity":"s1""#.to_owned(),
        r#""entity":[7]"#.to_owned(),
        format!(r#""entity":{{"metadata":{}}}"#, levels(200)),
    ] {
        let text = format!(
            r#"{{"payload":{{"event_type":"vault.session.created","event_id":"e1","entity_id":"c1",{payload}}}}}"#
        );
        let AnyEvent::Other(other) = event(&text) else {
            panic!("{payload}")
        };
        assert_eq!(
            other.event_type().map(EventType::as_str),
            Some("vault.session.created")
        );
        let any = AnyEvent::Other(other);
        assert_eq!((any.event_id(), any.entity_id()), ("e1", "c1"));
        assert_eq!(any.raw().as_str(), text);
    }
    let text = r#"{"payload":{"event_type":"vault.session.created","entity":{"id":"s1"}}}"#;
    assert_eq!(connection(text).entity.id, "s1");
}

#[test]
fn events_are_equal_if_all_that_was_read_is() {
    let created = |id: &str| {
        event(&format!(
            r#"{{"payload":{{"event_type":"crm.lead.created","event_id":{id}}}}}"#
        ))
    };
    assert_eq!(created("\"7\""), created("7"));
    assert_ne!(created("\"7\""), created("\"8\""));
    assert_ne!(event(r#"{"a":1}"#), event("garbage"));
    assert_ne!(event(r#"{"a":1}"#), event(r#"{"a": 1}"#));
    assert_eq!(event("garbage"), event("garbage"));
}

#[test]
fn what_names_no_event_is_none() {
    for text in [
        "",
        "{}",
        "[]",
        "1",
        "nonsense",
        "{\"payload\":{}}",
        "{\"payload\":{\"event_type\":1}}",
        "\u{feff}{}",
        r#"[["e1","vault.connection.callable"]]"#,
        r#"{"payload":["e1","vault.connection.callable"]}"#,
    ] {
        assert!(matches!(parse(&verified(text)), Parsed::NoEvent), "{text}");
    }
}

#[test]
fn migrated_from_is_read_in_both_forms_and_places() {
    let from = |payload: &str, entity: &str| {
        let event = connection(&format!(
            r#"{{"payload":{{"event_type":"vault.connection.migrated"{payload},"entity":{{"id":"c"{entity}}}}}}}"#
        ));
        event
            .migrated_from
            .map(|from| from.service_id().unwrap_or("other").to_owned())
    };
    for (json, id) in [
        (r#","migrated_from":"pipedrive""#, Some("pipedrive")),
        (
            r#","migrated_from":{"service_id":"pipedrive"}"#,
            Some("pipedrive"),
        ),
        (r#","migrated_from":7"#, Some("other")),
        (r#","migrated_from":null"#, None),
        ("", None),
    ] {
        assert_eq!(from(json, "").as_deref(), id, "{json}");
        assert_eq!(from("", json).as_deref(), id, "{json}");
        let both = from(json, r#","migrated_from":"close""#);
        assert_eq!(
            both.as_deref(),
            id.filter(|id| *id != "other").or(Some("close")),
            "{json}"
        );
        assert_eq!(
            from(r#","migrated_from":"close""#, json).as_deref(),
            Some("close")
        );
    }
}
