//! The errors that the pages of the macros quote.

use std::fs;
use std::path::Path;

const PAGES: [(&str, &str); 3] = [
    ("on.md", include_str!("../../../apideck-hooks/src/on.md")),
    ("router.md", include_str!("../../../apideck-hooks/src/router.md")),
    (
        "from_ref.md",
        include_str!("../../../apideck-hooks/src/from_ref.md"),
    ),
];

/// The quoted messages of a page: all text blocks after the heading.
fn quoted(page: &str) -> Vec<&str> {
    let (_, errors) = page.split_once("# Errors, and what to do\n").expect("the errors");
    let blocks = errors.split("```text\n").skip(1);
    blocks
        .map(|block| block.split_once("```").expect("an end").0)
        .collect()
}

/// Checks that each line of a quotation is part of a line of the snapshot, in the same order.
fn contains(snapshot: &str, quotation: &str) -> bool {
    let mut lines = snapshot.lines();
    quotation
        .lines()
        .all(|quoted| lines.any(|line| line.contains(quoted.trim())))
}

/// An attribute cannot compute the version that it names.
#[test]
fn the_version_of_sqlx_in_an_error_is_that_of_the_manifest() {
    let manifest = include_str!("../../../Cargo.toml");
    let (_, rest) = manifest
        .split_once("\nsqlx = { version = \"")
        .expect("a dependency");
    let (version, _) = rest.split_once('"').expect("its end");
    let snapshot = include_str!("../../compile/fail/transaction_of_another_sqlx.stderr");
    assert!(
        snapshot.contains(&format!("the stores use sqlx {version},"))
            && snapshot.contains(&format!("use version {version},")),
        "{version}:\n{snapshot}"
    );
}

#[test]
fn every_quoted_error_is_in_a_snapshot() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compile/fail");
    let snapshots: Vec<_> = fs::read_dir(folder)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "stderr"))
        .map(|path| fs::read_to_string(path).expect("a snapshot"))
        .collect();
    for (name, page) in PAGES {
        let quoted = quoted(page);
        assert!(quoted.len() > 1, "{name}");
        for quotation in quoted {
            let found = snapshots.iter().any(|snapshot| contains(snapshot, quotation));
            assert!(
                !quotation.is_empty() && found,
                "{name}: no snapshot contains\n{quotation}"
            );
        }
    }
}
