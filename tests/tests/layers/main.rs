//! The runtime crate's imports run one way: down the order of its rooms, and without a circle of
//! files.
//!
//! # How it works
//!
//! `tree` reads the crate's files and what each defines, re-exports and imports. A path, in a `use`
//! or inline, is followed through re-exports to the file that defines the name. A `mod` line and a
//! re-export are not imports by themselves: they are how a room shows its face. Unit tests keep the
//! order of the rooms, and may use any file of it.

mod graph;
mod tree;

use graph::circles;
use std::collections::BTreeSet;
use std::path::Path;
use tree::{Import, Tree};

/// The rooms, from the top to the ground. A file imports from its own room and the rooms below it.
const ORDER: &[&[&str]] = &[
    &["testing"],
    &["service"],
    &["hooks"],
    &["inbox"],
    &["run"],
    &["router"],
    &["store"],
    &["events"],
    &["handler"],
    &["payload"],
    &["observe"],
    &["delivery"],
    &["signature"],
    &["event"],
    // The ground imports nothing of the crate, and its files do not import each other.
    &[
        "budget",
        "disposition",
        "json",
        "limits",
        "poll",
        "refusal",
        "sync",
    ],
];

/// The files that may call `VerifiedText::kept`, with their reasons.
const KEEPERS: &[(&str, &str)] = &[
    (
        "hooks/dead_letters.rs",
        "a replay hands on the body that a store has kept",
    ),
    (
        "hooks/workers.rs",
        "a worker hands on the body that an inbox has kept",
    ),
    (
        "payload/read/mod.rs",
        "`AnyEvent::from_json` reads a body that its caller has verified or made",
    ),
    ("signature/verified_text.rs", "the definition"),
    (
        "testing/delivery.rs",
        "a unit test makes the delivery that its handler gets",
    ),
];

fn tree() -> Tree {
    Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../apideck-hooks/src"))
}

fn height(room: &str) -> usize {
    let at = ORDER.iter().position(|layer| layer.contains(&room));
    ORDER.len() - at.unwrap_or_else(|| panic!("`{room}` has no place in the order of the rooms"))
}

fn describe(import: &Import) -> String {
    format!(
        "{}:{} imports `{}` of {}",
        import.from, import.line, import.path, import.to
    )
}

#[test]
fn imports_run_down() {
    let tree = tree();
    let mut upward = Vec::new();
    let mut rooms = BTreeSet::new();
    for import in tree.imports() {
        let (from, to) = (tree.room(&import.from), tree.room(&import.to));
        rooms.extend([from.clone(), to.clone()]);
        if from != to && height(&to) >= height(&from) {
            upward.push(describe(import));
        }
    }
    assert!(upward.is_empty(), "imports that run up:\n{}", upward.join("\n"));
    assert!(
        tree.imports().len() > 300,
        "{} imports were found",
        tree.imports().len()
    );
    for layer in ORDER {
        for room in *layer {
            assert!(
                tree.has_room(room),
                "`{room}` is in the order and not in the crate"
            );
        }
    }
}

#[test]
fn no_file_imports_itself_in_a_circle() {
    let tree = tree();
    let imports = || {
        tree.imports()
            .iter()
            .filter(|import| !import.passed_on && !import.by_tests)
    };
    let circles = circles(imports().map(|import| (&*import.from, &*import.to)));
    let told: Vec<_> = circles
        .iter()
        .map(|circle| {
            let inside = |import: &&Import| circle.contains(&import.from) && circle.contains(&import.to);
            let imports: Vec<_> = imports().filter(inside).map(describe).collect();
            imports.join("\n")
        })
        .collect();
    assert!(told.is_empty(), "circles of files:\n{}", told.join("\n\n"));
}

/// A name of another room comes from that room, not by way of the crate's root.
#[test]
fn no_import_takes_a_detour_through_the_root() {
    let tree = tree();
    let detours: Vec<_> = tree
        .imports()
        .iter()
        .filter(|import| import.through_root)
        .map(describe)
        .collect();
    assert!(detours.is_empty(), "by way of lib.rs:\n{}", detours.join("\n"));
}

#[test]
fn only_the_listed_files_make_a_verified_text_of_kept_bytes() {
    let callers = tree().files_with(&["VerifiedText", ":", ":", "kept"]);
    let callers: BTreeSet<_> = callers.iter().map(String::as_str).collect();
    let listed: BTreeSet<_> = KEEPERS.iter().map(|(file, _)| *file).collect();
    let unlisted: Vec<_> = callers.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not among the keepers: {unlisted:?}");
    for (file, _) in KEEPERS
        .iter()
        .filter(|(file, _)| *file != "signature/verified_text.rs")
    {
        assert!(callers.contains(file), "{file} is listed and does not call it");
    }
}
