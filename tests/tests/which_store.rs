//! Whatever the chapter "Which store?" claims, it names a test for, and that test is there.

use std::fs;
use std::path::Path;

const CHAPTER: &str = include_str!("../../apideck-hooks/src/which_store.md");

fn sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The cells of the rows below the head, the row's name first.
fn table(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn every_claim_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("tests"), &mut text);
    let (claims, tests) = CHAPTER
        .split_once("# Which test shows it")
        .expect("the list of tests");
    let (claims, tests) = (table(claims), table(tests));
    assert_eq!(claims.len(), tests.len());
    let mut count = 0;
    for (claims, tests) in claims.iter().zip(&tests) {
        assert_eq!((claims.len(), tests.len()), (5, 5), "{claims:?}");
        assert_eq!(claims[0], tests[0]);
        for (claim, named) in claims.iter().zip(tests).skip(1) {
            assert_eq!(*claim == "-", *named == "-", "{}: {claim}", claims[0]);
            for name in named.split('`').skip(1).step_by(2) {
                let there = match name.strip_prefix("tests/") {
                    Some(path) => root.join(path).exists(),
                    None if name == "store_conformance" => text.contains("store_conformance!("),
                    None => text.contains(&format!("fn {name}(")),
                };
                assert!(there, "{name}");
                count += 1;
            }
            assert!(*claim == "-" || named.contains('`'), "{}: {claim}", claims[0]);
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn all_four_pass_the_suite() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("tests"), &mut text);
    for name in ["memory", "sqlite", "postgres", "stand_alone"] {
        assert!(text.contains(&format!("store_conformance!({name},")), "{name}");
    }
}
