//! The view of handlers in an editor, through rust-analyzer and the language server protocol.

mod client;

use apideck_hooks_tests::services::skip;
use client::Editor;
use std::fs;
use std::path::{Path, PathBuf};

const SOURCE: &str = r#"
use apideck_hooks::{Delivery, FromRef, Hooks, State, events::*, on, router};

/// Starts the sync.
#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable, State(db): State<Db>) -> Result<(), std::io::Error> {
    let consumer = &event.entity.consumer_id;
    drop((consumer, db));
    Ok(())
}

#[on("crm.lead.created", "crm.contact.*")]
async fn people(event: ResourceEvent) {}

#[on(unlisted = "vault.connection.paused")]
async fn paused(event: ConnectionEvent) {}

#[on("*")]
async fn rest(event: AnyEvent, delivery: Delivery) {}

/// The database.
#[derive(Clone)]
struct Db;

#[derive(FromRef)]
struct App {
    kept: Db,
}

fn hooks() -> Result<Hooks, apideck_hooks::BuildError> {
    Hooks::builder(router![start_sync, people, paused, rest])
        .secret("key")
        .state(App { kept: Db })
        .build()
}
"#;

/// A longer text is not about the handler: it documents the code that the macro generates.
const LONGEST: usize = 2000;

#[test]
fn an_editor_knows_handlers_and_their_events() {
    let Some(program) = client::rust_analyzer() else {
        return skip("rust-analyzer (or RUST_ANALYZER)");
    };
    let mut editor = Editor::open(&program, &fixture(), SOURCE);
    names_are_their_payload_types(&mut editor);
    other_tokens_have_their_own_texts(&mut editor);
    half_typed_handlers_stay_functions(&mut editor);
}

fn names_are_their_payload_types(editor: &mut Editor) {
    for (place, shown, file, line) in [
        (
            "\"vault.conn^ection.callable\"",
            "`vault.connection.callable`: A connection is fully configured",
            "src/events.rs",
            "__events!",
        ),
        (
            "\"crm.l^ead.created\", ",
            "`crm.lead.created`: A lead was created",
            "src/events.rs",
            "__events!",
        ),
        (
            "\"crm.con^tact.*\"",
            "struct ResourceEvent",
            "src/payload/resource_event.rs",
            "pub struct ResourceEvent",
        ),
        (
            "\"vault.con^nection.paused\"",
            "struct ConnectionEvent",
            "src/payload/connection_event.rs",
            "pub struct ConnectionEvent",
        ),
        (
            "\"^*\"",
            "enum AnyEvent",
            "src/payload/any.rs",
            "pub enum AnyEvent",
        ),
    ] {
        let hover = editor.hover(place);
        assert!(hover.contains(shown), "{place}: {hover}");
        assert!(hover.len() < LONGEST, "{place}: {hover}");
        let definitions = editor.definitions(place);
        let reached = |(path, text): &(String, String)| path.ends_with(file) && text.contains(line);
        assert!(definitions.iter().any(reached), "{place}: {definitions:?}");
        editor.completions(place);
    }
}

fn other_tokens_have_their_own_texts(editor: &mut Editor) {
    for (place, shown, line) in [
        ("async fn start^_sync", "Starts the sync.", "async fn start_sync("),
        (
            "event: Connection^Callable",
            "`vault.connection.callable`",
            "__events!",
        ),
        ("State<D^b>", "The database.", "struct Db;"),
        ("-> Re^sult<(), std", "Result", "pub enum Result"),
        ("kept: D^b,", "The database.", "struct Db;"),
        ("router![st^art_sync", "Starts the sync.", "async fn start_sync("),
        ("start_sync, peo^ple", "async fn people", "async fn people("),
    ] {
        let hover = editor.hover(place);
        assert!(hover.contains(shown), "{place}: {hover}");
        // The documentation of `Result` is longer.
        assert!(
            hover.len() < LONGEST || place.contains("Re^sult"),
            "{place}: {hover}"
        );
        for junk in [
            "Option",
            "panic",
            "mod __private",
            "```rust\nconst\n```",
            "```rust\nimpl\n```",
        ] {
            assert!(!hover.contains(&format!("{junk}\n")), "{place}: {junk}: {hover}");
        }
        let definitions = editor.definitions(place);
        let reached = |(_, text): &(String, String)| text.contains(line);
        assert!(definitions.iter().any(reached), "{place}: {definitions:?}");
    }
}

/// Checks that a half-typed attribute or signature leaves the function and its local variables
/// known. The brackets are closed, as editors close them.
fn half_typed_handlers_stay_functions(editor: &mut Editor) {
    let name = "\"vault.connection.callable\"";
    for (typed, half_typed) in [
        (name, ""),
        (name, "\"\""),
        (name, "\"vault.connection.\""),
        (name, "\"vault.connection.callable\", "),
        (name, "\"vault.connection.callable\", \"\""),
        (name, "vault.connection"),
        (name, "unlisted = "),
        (name, "crate = "),
        ("event: ConnectionCallable", "event: "),
        ("event: ConnectionCallable", "event: Conn"),
        ("State(db): State<Db>", "State(db)"),
        ("State(db): State<Db>", "State(db): State<"),
        ("State(db): State<Db>", "State(db): State<Db>, deliv"),
        ("-> Result<(), std::io::Error>", "-> "),
        ("let consumer", "event.entity.\n    let consumer"),
        ("async fn start_sync", "fn start_sync"),
    ] {
        editor.edit(SOURCE.replacen(typed, half_typed, 1));
        let definitions = editor.definitions("router![st^art_sync");
        let found = |(_, text): &(String, String)| text.contains("fn start_sync(");
        assert!(definitions.iter().any(found), "{half_typed}: {definitions:?}");
        assert!(
            editor.hover("router![st^art_sync").contains("fn start_sync("),
            "{half_typed}"
        );
        let locals = editor.completions("drop((con^sumer");
        assert!(
            locals.iter().any(|local| local == "consumer"),
            "{half_typed}: {locals:?}"
        );
    }
    editor.edit(SOURCE.to_owned());
}

/// Writes a crate of a user, with the versions of this workspace.
fn fixture() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("editor");
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = format!(
        "[package]\nname = \"edited\"\nedition = \"2024\"\n\n[dependencies]\napideck-hooks.path = {:?}\n\n[workspace]\n",
        tests.join("../apideck-hooks")
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("src/lib.rs"), SOURCE).expect("a source");
    fs::copy(tests.join("../Cargo.lock"), folder.join("Cargo.lock")).expect("the versions");
    folder.canonicalize().expect("the folder")
}
