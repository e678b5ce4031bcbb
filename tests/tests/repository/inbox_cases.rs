//! The table of the inbox's cases.

use super::CASES;
use super::suites::tests;
use super::table::{names, rows};
use std::collections::BTreeMap;

/// The rows of the table: the tests of each case.
fn cases() -> BTreeMap<&'static str, Vec<&'static str>> {
    let (_, below) = CASES.split_once("## The inbox").expect("the table");
    let cases = rows(below).into_iter().map(|row| {
        let [case, holds, tests] = row[..] else {
            panic!("not three cells: {row:?}")
        };
        let number = case.strip_prefix("inbox ").expect("a case of the inbox");
        assert!(number.len() == 2 && holds.ends_with('.'), "{row:?}");
        (number, names(tests).collect())
    });
    cases.collect()
}

#[test]
fn the_tests_of_the_inbox_and_their_table_agree() {
    let (cases, tests) = (cases(), tests());
    for (case, named) in &cases {
        assert!(!named.is_empty(), "inbox {case} has no test");
        for name in named {
            assert!(tests.contains(*name), "inbox {case}: {name}");
        }
    }
    let mut count = 0;
    for test in &tests {
        let name = test.rsplit("::").next().unwrap_or(test);
        let Some(rest) = name.strip_prefix("inbox_") else {
            continue;
        };
        let Some(case) = rest.split('_').next().filter(|case| case.parse::<u32>().is_ok()) else {
            continue;
        };
        let row = cases.get(case);
        assert!(
            row.is_some_and(|row| row.contains(&&**test)),
            "inbox {case}: {test}"
        );
        count += 1;
    }
    assert!(count > 20, "{count}");
}
