//! The table of events.

use apideck_hooks::EventType;
use apideck_hooks_tests::fixtures::EXAMPLES;
use apideck_hooks_tests::services::say_skipped;
use std::path::Path;

const FACTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/apideck");

fn facts() -> Option<&'static Path> {
    let facts = Path::new(FACTS);
    if !facts.is_dir() {
        say_skipped("Apideck's list of events, beside the project");
        return None;
    }
    Some(facts)
}

#[test]
fn there_are_140_names() {
    assert_eq!(EventType::ALL.len(), 140);
}

#[test]
fn the_table_equals_the_list_of_apideck() {
    let Some(facts) = facts() else { return };
    let list = std::fs::read_to_string(facts.join("events.txt")).unwrap();
    let names: Vec<_> = EventType::ALL.iter().map(EventType::as_str).collect();
    assert_eq!(names, list.lines().collect::<Vec<_>>());
}

#[test]
fn the_examples_of_the_crate_equal_those_of_apideck() {
    let Some(facts) = facts() else { return };
    for (name, json) in EXAMPLES {
        let example = std::fs::read_to_string(facts.join(format!("examples/{name}.json"))).unwrap();
        assert_eq!(*json, example, "{name}");
    }
}
