//! The table of the required cases.

use super::suites::tests;
use super::table::{names, rows};
use super::{CASES, files, root};
use std::collections::BTreeMap;

/// The rows of the table: the tests of each case.
fn cases() -> BTreeMap<u32, Vec<&'static str>> {
    let mut cases = BTreeMap::new();
    for row in rows(CASES) {
        let [number, holds, tests] = row[..] else {
            panic!("not three cells: {row:?}")
        };
        assert!(number.len() == 2 && holds.ends_with('.'), "{row:?}");
        let number = number.parse().expect("a number");
        assert!(
            cases.keys().all(|before| *before < number),
            "{number} is out of order"
        );
        cases.insert(number, names(tests).collect());
    }
    cases
}

/// The cases that a test names: `case_01_case_02_…` names two.
fn named(test: &str) -> Vec<u32> {
    let name = test.rsplit("::").next().unwrap_or(test);
    let numbers = name.split("case_").skip(1);
    let numbers = numbers.map_while(|part| part.split('_').next()?.parse().ok());
    if name.starts_with("case_") {
        numbers.collect()
    } else {
        Vec::new()
    }
}

#[test]
fn every_case_names_tests_that_exist() {
    let tests = tests();
    for (case, named) in cases() {
        assert!(!named.is_empty(), "case {case} has no test");
        for name in named {
            assert!(tests.contains(name), "case {case}: {name}");
        }
    }
}

#[test]
fn every_test_of_a_case_is_in_its_row() {
    let cases = cases();
    let mut count = 0;
    for test in tests() {
        for case in named(&test) {
            let row = cases.get(&case);
            assert!(row.is_some_and(|row| row.contains(&&*test)), "{case}: {test}");
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

/// "Case 26" in a comment or on a page must be a row of the table.
#[test]
fn every_mentioned_case_is_in_the_table() {
    let cases = cases();
    let mut mentioned = 0;
    let folders = [
        "apideck-hooks/docs",
        "apideck-hooks/src",
        "apideck-hooks-macros/src",
        "examples",
        "tests/src",
        "tests/tests",
    ];
    let below = folders.map(|folder| files(&root().join(folder), &["rs", "md"]));
    let pages = std::fs::read_dir(root())
        .expect("the root")
        .map(|entry| entry.expect("an entry").path());
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages = pages.map(|path| (path.clone(), std::fs::read_to_string(path).expect("a page")));
    for (path, text) in below.into_iter().flatten().chain(pages) {
        for (before, rest) in text.match_indices("ase ").map(|(at, _)| text.split_at(at + 4)) {
            let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let Ok(number) = number.parse() else { continue };
            if before.ends_with("Case ") || before.ends_with("case ") {
                assert!(cases.contains_key(&number), "{}: case {number}", path.display());
                mentioned += 1;
            }
        }
    }
    assert!(mentioned > 3, "{mentioned}");
}

/// The names of tests change, and users cannot run them.
#[test]
fn no_page_for_users_names_a_test() {
    let mut pages = files(&root().join("apideck-hooks/src"), &["md"]);
    pages.extend(files(&root().join("apideck-hooks/docs"), &["md"]));
    for page in ["README.md", "CHANGELOG.md", "SECURITY.md"] {
        let path = root().join(page);
        pages.push((path.clone(), std::fs::read_to_string(path).expect("a page")));
    }
    assert!(pages.len() > 6, "{}", pages.len());
    for test in tests() {
        let name = test.rsplit("::").next().unwrap_or(&test);
        // `sqlite` is the name of a test and of much else.
        if name.matches('_').count() < 2 {
            continue;
        }
        for (path, text) in &pages {
            assert!(!text.contains(&format!("`{name}`")), "{}: {name}", path.display());
        }
    }
}

#[test]
fn a_test_can_name_several_cases() {
    assert_eq!(named("http::case_15_a_client"), [15]);
    assert_eq!(named("postgres::deliveries::case_04_case_05_a_key"), [4, 5]);
    assert_eq!(named("http::a_case_15"), []);
}
