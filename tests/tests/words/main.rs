//! A thermometer for the words and the size of the sources. It is not the goal: a page is good if
//! nobody has to read it twice.

mod sources;
mod text;

use sources::{Source, functions, type_names};
use std::collections::BTreeMap;
use text::{blocks, sentences};

/// The folders and files that are measured.
const MEASURED: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "apideck-hooks",
    "apideck-hooks-macros",
    "examples",
    "tests/CASES.md",
    "tests/compile/fail/README.md",
    "tests/fuzz",
    "tests/perf",
    "tests/src",
    "tests/tests",
];

const WIDEST_COMMENT: usize = 100;
const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 60;

/// The functions that are longer: each is a table.
const TABLES: &[&str] = &[];

fn measured() -> Vec<Source> {
    let sources = Source::read(MEASURED);
    assert!(sources.len() > 150, "{} sources", sources.len());
    sources
}

/// The crates that users depend on.
fn library() -> Vec<Source> {
    let mut sources = measured();
    sources.retain(|source| {
        source.is_rust() && source.name.starts_with("apideck-hooks") && source.name.contains("/src/")
    });
    sources
}

#[test]
fn sentences_begin_with_a_noun_or_a_verb() {
    let (mut total, mut clauses) = (0, Vec::new());
    for source in measured() {
        for sentence in blocks(&source).iter().flat_map(|block| sentences(block)) {
            total += 1;
            let first = sentence.split([' ', ',']).next().unwrap_or_default();
            let clause = matches!(first, "What" | "Whatever" | "Whether" | "Who" | "Whoever");
            if clause && !sentence.ends_with('?') {
                clauses.push(format!("{}: {sentence}", source.name));
            }
        }
    }
    let share = 100.0 * clauses.len() as f64 / total as f64;
    println!(
        "{} of {total} sentences begin with a clause: {share:.2} %",
        clauses.len()
    );
    assert!(total > 3000, "{total} sentences");
    assert!(share < 0.5, "{share:.2} %:\n{}", clauses.join("\n"));
}

#[test]
fn a_full_stop_ends_a_thought() {
    let (mut words, mut semicolons) = (0, BTreeMap::new());
    for source in measured() {
        for block in blocks(&source) {
            words += block.split_whitespace().count();
            *semicolons.entry(source.name.clone()).or_insert(0) += block.matches(';').count();
        }
    }
    let count: usize = semicolons.values().sum();
    let share = 1000.0 * count as f64 / words as f64;
    println!("{count} semicolons in {words} words: {share:.2} in 1,000");
    semicolons.retain(|_, count| *count > 2);
    assert!(
        share < 2.0,
        "{share:.2} in 1,000 words, most of them in {semicolons:#?}"
    );
}

#[test]
fn comments_fit_their_width() {
    let mut wide = Vec::new();
    for source in measured().iter().filter(|source| source.is_rust()) {
        for (at, line) in source.text.lines().enumerate() {
            if line.trim_start().starts_with("//")
                && line.chars().count() > WIDEST_COMMENT
                && !line.contains("://")
            {
                wide.push(format!("{}:{}", source.name, at + 1));
            }
        }
    }
    assert!(
        wide.is_empty(),
        "over {WIDEST_COMMENT} columns:\n{}",
        wide.join("\n")
    );
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for source in library() {
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            long.push(format!("{}: {lines} lines", source.name));
        }
        for (name, lines) in functions(&source) {
            if lines > LONGEST_FUNCTION && !TABLES.contains(&name.as_str()) {
                long.push(format!("{}: fn {name}: {lines} lines", source.name));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
    assert!(TABLES.len() <= 3);
}

/// One name for one thing. The macro crate has the compile-time side of the same things, so each
/// crate counts by itself.
#[test]
fn type_names_have_one_meaning() {
    let mut places: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    let sources = library();
    for source in &sources {
        let krate = source.name.split('/').next().unwrap_or_default();
        for name in type_names(source) {
            places.entry((krate, name)).or_default().push(source.name.clone());
        }
    }
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}
