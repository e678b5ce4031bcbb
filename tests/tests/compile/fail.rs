//! Code that does not compile, and its errors.

use apideck_hooks_tests::services::skip;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version of the compiler that wrote the snapshots.
const RUSTC: &str = include_str!("../../compile/RUSTC");

#[test]
fn mistakes_are_explained() {
    let wanted = format!("rustc {} ", RUSTC.trim());
    let found = Command::new("rustc").arg("--version").output();
    let found = found.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    if !found.starts_with(&wanted) {
        return skip(&format!("{}, not {}", wanted.trim(), found.trim()));
    }
    trybuild::TestCases::new().compile_fail("compile/fail/*.rs");
}

#[test]
fn a_mistake_is_one_error() {
    for fixture in fixtures() {
        let source = fs::read_to_string(&fixture).expect("a fixture");
        let stated = source
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("//! errors: "));
        let expected: usize = stated.map_or(1, |count| count.parse().expect("a count"));
        let snapshot = fs::read_to_string(fixture.with_extension("stderr")).expect("a snapshot");
        let errors = snapshot.lines().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, expected, "{}:\n{snapshot}", fixture.display());
    }
}

#[test]
fn every_fixture_is_listed() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("a README");
    let listed: BTreeSet<_> = readme
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    let stems = fixtures().map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned());
    assert_eq!(stems.collect::<BTreeSet<_>>(), listed);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compile/fail")
}

fn fixtures() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder()).expect("the fixtures");
    entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
}
