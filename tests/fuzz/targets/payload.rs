//! An event is read from every body that names one, and its values are those of the model.
//!
//! The input is a whole body, or the inside of `settings`. So both the shape of a body and the
//! values in it are mutated with few bytes.

#![no_main]

use apideck_hooks::AnyEvent;
use apideck_hooks_fuzz::{
    json::{self, Fault},
    value::Value,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    check(input);
    let within = [
        br#"{"payload":{"event_type":"vault.connection.created","entity":{"settings":"#,
        input,
        b"}}}",
    ];
    check(&within.concat());
});

fn check(body: &[u8]) {
    let event = AnyEvent::from_json(body);
    let parsed = str::from_utf8(body).map(json::parse);
    let Ok(Ok(model)) = parsed else {
        // A text that is not JSON is not an event. One that is nested too deeply can be one.
        if !matches!(parsed, Ok(Err(Fault::TooDeep))) {
            assert!(matches!(event, Ok(AnyEvent::Other(other)) if other.event_type().is_none()));
        }
        return;
    };
    let payload = member(&model, "payload");
    let name = payload.as_ref().and_then(|payload| member(payload, "event_type"));
    let name = match name {
        Some(Value::String(name)) if !name.is_empty() => Some(String::from_utf16_lossy(&name)),
        _ => None,
    };
    let event = match event {
        Ok(event) => event,
        Err(_) => {
            // Only an entity of another type costs a listed event.
            let entity = payload.and_then(|payload| member(&payload, "entity"));
            assert!(name.is_some() && !matches!(entity, None | Some(Value::Object(_))));
            return;
        }
    };
    assert_eq!(event.event_type().map(|name| name.as_str()), name.as_deref());
    assert_eq!(event.raw().as_bytes(), body);
    let value = event.raw().to_value().expect("JSON");
    assert!(is_same(&value, &model), "{value}");
    if let AnyEvent::Connection(event) = &event {
        let settings = payload
            .and_then(|payload| member(&payload, "entity"))
            .and_then(|entity| member(&entity, "settings"))
            .filter(|settings| matches!(settings, Value::Object(_)));
        let read = event.entity.settings.clone().map(serde_json::Value::Object);
        match (read, settings) {
            (Some(read), Some(settings)) => assert!(is_same(&read, &settings), "{read}"),
            (read, settings) => assert!(read.is_none() && settings.is_none()),
        }
    }
}

/// The value of a key. `None` without one, and for a value that is not an object.
fn member(value: &Value, key: &str) -> Option<Value> {
    let key: Vec<u16> = key.encode_utf16().collect();
    let members = value.clone().members();
    members.into_iter().find(|(other, _)| *other == key).map(|(_, value)| value)
}

/// Compares a value with the model's. A string of the model can have lone surrogates, and a number
/// can be beyond a double.
fn is_same(read: &serde_json::Value, model: &Value) -> bool {
    match (read, model) {
        (serde_json::Value::Array(read), Value::Array(model)) => {
            read.len() == model.len() && read.iter().zip(model).all(|(read, model)| is_same(read, model))
        }
        (serde_json::Value::Object(read), Value::Object(_)) => {
            let members = model.clone().members();
            read.len() == members.len()
                && members.iter().all(|(key, model)| match String::from_utf16(key) {
                    Ok(key) => read.get(&key).is_some_and(|read| is_same(read, model)),
                    // The keys stay different, and the count of them is compared.
                    Err(_) => true,
                })
        }
        (serde_json::Value::String(read), Value::String(model)) => *read == String::from_utf16_lossy(model),
        (serde_json::Value::Number(read), Value::Number(model)) => read.as_f64() == Some(*model),
        (serde_json::Value::Bool(read), Value::Literal(model)) => read.to_string() == *model,
        (serde_json::Value::Null, Value::Number(model)) => model.is_infinite(),
        (serde_json::Value::Null, Value::Literal(model)) => *model == "null",
        _ => false,
    }
}
