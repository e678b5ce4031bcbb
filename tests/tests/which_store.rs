//! Every test that the chapter "Which store?" names is there.

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

#[test]
fn its_tests_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("tests"), &mut text);
    let (_, named) = CHAPTER
        .split_once("# Which test shows it")
        .expect("the list of tests");
    let mut count = 0;
    for name in named.split('`').skip(1).step_by(2) {
        let there = match name.strip_prefix("benches/") {
            Some(bench) => root.join("../apideck-hooks/benches").join(bench).exists(),
            None if name == "store_conformance" => text.contains("store_conformance!("),
            None => text.contains(&format!("fn {name}(")),
        };
        assert!(there, "{name}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}
