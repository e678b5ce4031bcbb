//! The tests in `tests/tests`, read from their sources.

use super::{files, root};
use std::collections::BTreeSet;
use std::path::Path;

/// The paths of all tests, such as `http::clients::case_15_…`. A test that a macro defines for
/// several stores is one test.
pub(crate) fn tests() -> BTreeSet<String> {
    let folder = root().join("tests/tests");
    let mut tests = BTreeSet::new();
    for (path, source) in files(&folder, &["rs"]) {
        let path = path.strip_prefix(&folder).expect("a file in the folder");
        let modules = modules(path);
        tests.extend(named(&source).map(|name| format!("{modules}::{name}")));
    }
    tests
}

/// The module path of a file, such as `signature::node` for `signature/node/mod.rs`.
fn modules(path: &Path) -> String {
    let path = path.with_extension("");
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let parts = match parts.last().map(AsRef::as_ref) {
        Some("main" | "mod") => &parts[..parts.len() - 1],
        _ => &parts[..],
    };
    parts.join("::")
}

fn named(source: &str) -> impl Iterator<Item = &str> {
    let lines = source.lines();
    let mut after_attribute = false;
    lines.filter_map(move |line| {
        let line = line.trim();
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            after_attribute = true;
        }
        if let Some((_, suite)) = line.split_once("store_conformance!(") {
            return suite.split_once(',').map(|(name, _)| name);
        }
        let (_, rest) = line.split_once("fn ")?;
        let (name, parameters) = rest.split_once('(')?;
        // The parameter of a test in `with_every_store!` and in `on_both!`.
        let in_macro =
            parameters.starts_with("store: Arc<dyn Store>)") || parameters.starts_with("world: &World)");
        let is_test = std::mem::take(&mut after_attribute) || in_macro && line.starts_with("async fn");
        is_test.then_some(name)
    })
}

#[test]
fn the_tests_of_every_kind_are_found() {
    let tests = tests();
    for test in [
        "repository::suites::the_tests_of_every_kind_are_found",
        "signature::properties::a_genuine_signature_is_accepted",
        "signature::node::sorted_forms_equal_those_of_node",
        "stores::conformance::memory_of_one_shard",
        "stores::receivers::case_30_two_sources_are_independent",
        "transactional::both::a_violated_deferred_constraint_is_a_failure",
    ] {
        assert!(tests.contains(test), "{test}");
    }
    assert!(tests.iter().all(|test| !test.ends_with("::named")));
}
