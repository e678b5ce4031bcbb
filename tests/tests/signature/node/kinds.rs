//! Documents of the kinds on which readers of JSON differ.

use std::path::Path;
use std::thread;

use apideck_hooks::signature::canonical::{MAX_DEPTH, Sorting, canonical};
use apideck_hooks_tests::services::say_skipped;

use super::process::{EVENTS, Node, SORT};
use super::{compare, events};

/// Other people's documents, beside the project.
const SUITES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/suites");

/// Returns one document or several of each kind.
fn documents() -> Vec<String> {
    let mut documents: Vec<String> = [
        // Numbers between two doubles, or with more digits than a double has.
        "12.100000000000001",
        "1330360.1526751001",
        "999999999999.9999",
        "123456789012345678901",
        "2e-23",
        "9007199254740993",
        "-9223372036854775809",
        "18446744073709551616",
        "0.1e1",
        "100000000000000000000000e-22",
        "8.988465674311581e307",
        "1.00000005e-320",
        "4.35",
        "7.2057594037927945e16",
        "2.4703282292062327208e-324",
        "2.4703282292062328e-324",
        // Numbers beyond a double.
        "1e400",
        "-1e400",
        "1e309",
        "17976931348623159077e289",
        "[1,{\"a\":-1e999}]",
        // Lone surrogates, in values and in keys.
        r#""\ud83c""#,
        r#""cut \uD83D""#,
        r#""\uDC00\uD800""#,
        r#""\uD800\u0041\uD834\uDD1E""#,
        r#"{"\ud83d":1,"\ud83e":2,"\uD83D":3}"#,
        r#"{"\ufffdd83d":1,"\ud83d":2}"#,
        // Keys that come twice, are indices, or have a meaning elsewhere.
        r#"{"b":1,"a":{"c":1,"c":2},"b":[{"z":1,"y":2,"z":3}]}"#,
        r#"{"10":1,"9":2,"b":3,"01":4}"#,
        r#"[{"__proto__":{"a":1},"constructor":2}]"#,
        // Spellings of strings and whitespace.
        r#""\u00e9\u2028\/\b\f\u001F\u007f""#,
        "\"\u{e9}\u{2028}\u{ffff}😀\"",
        " [ 1.0 , { } , \"\" ] ",
        // Not JSON, and JSON that is not an object.
        "NaN",
        "5E7873x",
        "[1,]",
        "",
        "\u{feff}{}",
        "null",
        "true",
    ]
    .map(str::to_owned)
    .to_vec();
    let largest = format!("{:.0}", f64::MAX);
    // Half a unit below the first number that is beyond a double, and that number.
    documents.push(largest.clone());
    documents.push(format!("{}9", "9".repeat(308)));
    documents.push(format!("{}{}", &largest[..16], "9".repeat(293)));
    for levels in [MAX_DEPTH - 8, 500] {
        documents.push(format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    }
    documents
}

fn suites() -> Vec<String> {
    let Ok(entries) = Path::new(SUITES).read_dir() else {
        say_skipped("other people's documents, beside the project");
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect()
}

/// Asks Node.js one question at a time.
struct Nodes {
    sort: Node,
    events: Node,
}

impl Nodes {
    fn sorted(&mut self, text: &[u8]) -> Option<[Vec<u8>; 2]> {
        let (questions, answers) = self.sort.both();
        thread::scope(|scope| {
            scope.spawn(|| questions.ask(text));
            answers.next()
        })
    }

    fn event(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        let (questions, answers) = self.events.both();
        thread::scope(|scope| {
            scope.spawn(|| questions.ask(text));
            answers.event()
        })
    }
}

#[tokio::test]
async fn documents_of_every_kind_are_signed_and_handed_on_as_by_node() {
    let (Some(sort), Some(events)) = (Node::start(SORT), Node::start(EVENTS)) else {
        return;
    };
    let mut nodes = Nodes { sort, events };
    for document in [documents(), suites()].concat() {
        let within = format!(
            r#"{{"payload":{{"event_type":"vault.connection.created","event_id":"e1","entity":{{"id":"c","settings":{{"v":{document}}}}}}}}}"#
        );
        for body in [&document, &within] {
            let body = body.as_bytes();
            let is_too_deep = |error: &apideck_hooks::signature::canonical::NotCanonical| error.is_limit();
            let sorted = canonical(body, Sorting::OutsideArrays);
            if sorted.as_ref().err().is_some_and(is_too_deep) {
                // Such a body has no sorted text. Signed raw, it is never less than its event.
                let is_event = body.starts_with(b"{\"payload");
                assert_eq!(events::handed_on(body, body).await.is_none(), is_event);
                continue;
            }
            let sorted = nodes.sorted(body);
            compare(body, sorted.as_ref(), "a kind");
            for text in sorted.iter().flatten().map(Vec::as_slice).chain([body]) {
                let event = nodes.event(text);
                events::compare(body, text, event.as_deref(), "a kind").await;
            }
        }
    }
}
