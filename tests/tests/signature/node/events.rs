//! Whole events, as a handler gets them from a signed body.

use std::sync::{Arc, Mutex};
use std::thread;

use apideck_hooks::signature::canonical::{Sorting, canonical};
use apideck_hooks::{AnyEvent, Hooks, State, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::{Delivery, Encoding, encode, mac};
use serde_json::Value;

use super::document::Generator;
use super::event::{fields, is_same};
use super::process::{EVENTS, Node};
use super::{BATCH, number, seed};

#[derive(Clone, Default)]
struct Handled(Arc<Mutex<Vec<AnyEvent>>>);

#[on("*")]
async fn any(event: AnyEvent, State(handled): State<Handled>) {
    handled.0.lock().unwrap().push(event);
}

/// Delivers a body of which `text` is signed. Returns the event that the handler gets. `None` if
/// its payload does not decode.
pub(super) async fn handed_on(body: &[u8], text: &[u8]) -> Option<AnyEvent> {
    let handled = Handled::default();
    // A receiver for each body, because many bodies are duplicates of each other.
    let hooks = Hooks::builder(router![any, ..])
        .secret(SECRET)
        .state(handled.clone());
    let signature = encode(&mac(SECRET, text), Encoding::Hex);
    let delivery = Delivery::of(body.to_vec()).signature(&signature);
    let reply = delivery.call(&hooks.build().unwrap()).await;
    let event = handled.0.lock().unwrap().pop();
    let status = if event.is_some() { 200 } else { 422 };
    assert_eq!(reply.status, status, "{}", body.escape_ascii());
    event
}

/// Compares the event that a handler gets from a body with Node's event of its signed text.
pub(super) async fn compare(body: &[u8], text: &[u8], nodes: Option<&[u8]>, origin: &str) -> String {
    let event = handed_on(body, text).await;
    let kind = |event: &Value| event["kind"].as_str().unwrap_or_default().to_owned();
    let Some(nodes) = nodes else {
        // A text that is not JSON is handed on as it is.
        assert!(matches!(&event, Some(AnyEvent::Other(other)) if other.event_type().is_none()));
        return "not JSON".to_owned();
    };
    let mut nodes: Value = serde_json::from_slice(nodes).expect("JSON");
    let raw = nodes["raw"].take();
    nodes.as_object_mut().expect("an event").remove("raw");
    let say = |ours: &Value, nodes: &Value| {
        let text = text.escape_ascii();
        format!("{origin}\n  text:   {text}\n  ours:   {ours}\n  Node's: {nodes}")
    };
    let Some(event) = event else {
        assert_eq!(kind(&nodes), "undecodable", "{}", say(&Value::Null, &nodes));
        return kind(&nodes);
    };
    assert_eq!(event.raw().as_bytes(), text);
    let value = event.raw().to_value().expect("JSON");
    assert!(is_same(&value, &raw), "{}", say(&value, &raw));
    let ours = fields(&event);
    assert!(is_same(&ours, &nodes), "{}", say(&ours, &nodes));
    kind(&nodes)
}

#[tokio::test]
async fn events_equal_those_of_node() {
    let Some(mut node) = Node::start(EVENTS) else {
        return;
    };
    let bodies = number("APIDECK_HOOKS_DOCUMENTS").unwrap_or(10_000) as usize;
    let seed = seed(bodies);
    let mut generator = Generator::new(seed);
    let mut kinds = std::collections::BTreeMap::new();
    let mut left = bodies;
    while left > 0 {
        let batch: Vec<_> = (0..BATCH.min(left)).map(|_| generator.body()).collect();
        left -= batch.len();
        // Either text can be the one that is signed.
        let sorted = |body: &Vec<u8>| {
            let sorted = canonical(body, Sorting::OutsideArrays);
            sorted.map_or(body.clone(), |sorted| sorted.into_text(body))
        };
        let texts: Vec<_> = batch.iter().map(|body| [body.clone(), sorted(body)]).collect();
        let (questions, answers) = node.both();
        let nodes: Vec<_> = thread::scope(|scope| {
            scope.spawn(|| texts.iter().flatten().for_each(|text| questions.ask(text)));
            texts.iter().map(|_| [answers.event(), answers.event()]).collect()
        });
        for ((body, texts), nodes) in batch.iter().zip(&texts).zip(&nodes) {
            for (text, nodes) in texts.iter().zip(nodes) {
                let kind = compare(body, text, nodes.as_deref(), &format!("seed {seed}")).await;
                *kinds.entry(kind).or_insert(0_usize) += 1;
            }
        }
    }
    println!("{kinds:?}");
    if bodies >= 1_000 {
        for kind in ["connection", "resource", "other", "undecodable", "not JSON"] {
            let count = kinds.get(kind).copied().unwrap_or_default();
            assert!(count > bodies / 100, "only {count} bodies are `{kind}`");
        }
    }
}
