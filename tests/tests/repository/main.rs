//! Agreement of the repository's pages with its tests.

mod cases;
mod inbox_cases;
mod suites;
mod table;
mod which_store;

use std::fs;
use std::path::{Path, PathBuf};

const CASES: &str = include_str!("../../CASES.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files with one of the extensions in a directory and below it, with their texts.
fn files(directory: &Path, extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if path
            .extension()
            .is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
        {
            let text = fs::read_to_string(&path).expect("text");
            found.push((path, text));
        }
    }
    found
}
