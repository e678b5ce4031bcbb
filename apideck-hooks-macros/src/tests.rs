//! The macros never panic, and `#[on]` always keeps its item.

use proc_macro2::TokenStream;
use proptest::prelude::*;

use crate::{from_ref, on, router};

/// The parts of random input: of handlers, of lists, and of neither.
const WORDS: &[&str] = &[
    "\"vault.connection.callable\"",
    "\"*\"",
    "\"\"",
    "\"vault.ü.*\"",
    "\"…\"suffix",
    "b\"x\"",
    "'c'",
    "'a",
    "7",
    "-1.5",
    "unlisted",
    "crate",
    "=",
    "==",
    ",",
    ";",
    ":",
    "::",
    ".",
    "..",
    "...",
    "->",
    "&",
    "*",
    "#",
    "!",
    "#[on(\"x\")]",
    "#[cfg(unix)]",
    "#[from_ref(skip)]",
    "#[from_ref(=)]",
    "pub",
    "pub(crate)",
    "async",
    "const",
    "unsafe",
    "extern",
    "fn",
    "struct",
    "enum",
    "impl",
    "self",
    "Self",
    "r#match",
    "handler",
    "T",
    "<T>",
    "where",
    "()",
    "(event: ConnectionCallable)",
    "(event: )",
    "(event: &T, _: HashMap<A, B>)",
    "(self, , ..)",
    "{}",
    "{ a: u8, b: u8 }",
    "{ event. }",
    "[]",
    "$",
    "_",
];

fn tokens() -> impl Strategy<Value = TokenStream> {
    let words = proptest::collection::vec(proptest::sample::select(WORDS), 0..12);
    words.prop_filter_map("no tokens", |words| words.join(" ").parse().ok())
}

/// Returns random items, some of which begin like a handler, so that parsing gets beyond their
/// first token.
fn item() -> impl Strategy<Value = TokenStream> {
    let heads = ["", "fn handler", "async fn handler", "pub async fn handler ()"];
    (proptest::sample::select(heads.to_vec()), tokens()).prop_map(|(head, rest)| {
        let head: TokenStream = head.parse().expect("tokens");
        head.into_iter().chain(rest).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn on_keeps_the_item(args in tokens(), item in item()) {
        let expanded = on::expand(args, item.clone()).to_string();
        prop_assert!(expanded.starts_with(&item.to_string()), "{expanded}");
    }

    #[test]
    fn router_is_an_expression(input in tokens()) {
        let expanded = router::expand(input);
        prop_assert!(syn::parse2::<syn::Expr>(expanded.clone()).is_ok(), "{expanded}");
    }

    #[test]
    fn from_ref_is_items(input in item()) {
        let expanded = from_ref::expand(input);
        prop_assert!(syn::parse2::<syn::File>(expanded.clone()).is_ok(), "{expanded}");
    }
}

#[test]
fn from_ref_reads_structs_of_any_shape() {
    for (item, impls) in [
        ("struct App;", 0),
        ("struct App {}", 0),
        ("struct App(u8, u16);", 2),
        (
            "struct App { a: u8, #[from_ref(skip)] b: u8, r#fn: Arc<dyn Fn(&str)> }",
            2,
        ),
    ] {
        let expanded = from_ref::expand(item.parse().unwrap()).to_string();
        assert!(!expanded.contains("compile_error"), "{expanded}");
        assert_eq!(expanded.matches("fn from_ref").count(), impls, "{item}");
    }
}

/// Counts the errors that the macro itself reports for this handler.
fn count_errors(args: &str, item: &str) -> usize {
    let expanded = on::expand(args.parse().unwrap(), item.parse().unwrap()).to_string();
    expanded.matches("compile_error !").count()
}

#[test]
fn mistakes_are_reported_together() {
    let handler = "async fn handler(event: ConnectionCallable) {}";
    for (args, count) in [
        ("\"vault.connection.callable\"", 0),
        ("\"vault.connection.callable\",", 0),
        ("", 1),
        (",", 1),
        ("\"a.b.c\", \"d.e.f\", \"g.*.h\"", 3),
        ("\"a.b.c\", dedupe, unlisted = 7, crate = \"x\", vault.x", 5),
        ("crate = hooks", 1),
        ("\"crm.*\" \"vault.*\", \"a.b.c\"", 2),
    ] {
        assert_eq!(count_errors(args, handler), count, "{args}");
    }
    for (item, count) in [
        (
            "fn handler<T>(self, a: &T, b: impl Copy, c: _, d: X<'_>) -> impl Copy {}",
            8,
        ),
        ("const unsafe extern \"C\" fn handler() {}", 4),
        // rustc reports these.
        ("async fn handler(event: ) {}", 0),
        ("async fn handler(event: A, state: , b: B) -> {}", 0),
        ("async fn handler() -> {}", 0),
    ] {
        assert_eq!(count_errors("\"crm.*\"", item), count, "{item}");
    }
}
