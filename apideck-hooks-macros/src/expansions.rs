//! Snapshots of generated code in `expansions/`, so that a review shows every change.
//!
//! `EXPANSIONS=overwrite cargo test -p apideck-hooks-macros` rewrites them.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;

use crate::{from_ref, on, router};

#[test]
fn one_event() {
    handler(
        "one_event",
        r#""vault.connection.callable""#,
        "pub async fn start_sync(event: ConnectionCallable, State(db): State<Db>) -> Result<(), DbError> {
            db.enqueue_sync(&event.entity.consumer_id).await
        }",
    );
}

#[test]
fn several_events() {
    handler(
        "several_events",
        r#""crm.lead.created", "crm.contact.*""#,
        "async fn people(event: ResourceEvent) {}",
    );
}

#[test]
fn no_event_and_a_cfg() {
    handler(
        "no_event_and_a_cfg",
        r#""*", crate = hooks"#,
        "#[cfg(unix)] #[doc = \"Counts.\"] async fn count(delivery: Delivery) -> Outcome { Outcome::Done }",
    );
}

#[test]
fn likely_typo() {
    handler(
        "likely_typo",
        r#"unlisted = "vault.connection.create""#,
        "async fn created(event: ConnectionEvent) {}",
    );
}

#[test]
fn name_in_error() {
    handler(
        "name_in_error",
        r#""vault.connection.callabel""#,
        "async fn start_sync(event: ConnectionCallable, State(db): State<Db>) {}",
    );
}

#[test]
fn half_typed() {
    handler(
        "half_typed",
        r#""vault.connection.callable""#,
        "async fn start_sync(event: ConnectionCallable) { event.entity. }",
    );
}

#[test]
fn exhaustive_router() {
    list("exhaustive_router", "start_sync, crm::people");
}

#[test]
fn open_router() {
    list("open_router", "crate = hooks; start_sync, ..");
}

#[test]
fn state() {
    let item = "struct App { db: Db, #[from_ref(skip)] started: Instant }";
    compare("state", item, from_ref::expand(tokens(item)));
}

fn handler(name: &str, args: &str, item: &str) {
    let expanded = on::expand(tokens(args), tokens(item)).to_string();
    // The function comes first and unchanged. The snapshot leaves it out, because a half-typed
    // function cannot be printed.
    let generated = expanded
        .strip_prefix(&tokens(item).to_string())
        .expect("the function");
    compare(name, &format!("#[on({args})] {item}"), tokens(generated));
}

fn list(name: &str, entries: &str) {
    let block = router::expand(tokens(entries));
    compare(
        name,
        &format!("router![{entries}]"),
        quote::quote!(const _: () = #block;),
    );
}

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("tokens")
}

fn compare(name: &str, source: &str, generated: TokenStream) {
    let file = syn::parse2(generated).expect("items");
    let source: String = source
        .lines()
        .map(|line| format!("// {}\n", line.trim()))
        .collect();
    let expanded = format!("{source}\n{}", prettyplease::unparse(&file));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("expansions/{name}.rs"));
    if std::env::var_os("EXPANSIONS").is_some_and(|value| value == "overwrite") {
        fs::write(&path, &expanded).expect("a snapshot written");
    }
    let snapshot = fs::read_to_string(&path).expect("a snapshot");
    assert!(
        snapshot == expanded,
        "{} differs from the expansion:\n\n{expanded}\nTo accept the change, run with EXPANSIONS=overwrite",
        path.display()
    );
}
