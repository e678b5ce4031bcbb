//! The spans of generated code in rust-analyzer.
//!
//! # How it works
//!
//! rustc reports an error at the span of the code that has it. So the macros give generated code
//! the span of the user's token that its errors belong on.
//!
//! rust-analyzer uses the same spans for hovers and go-to-definition. For a token it shows
//! everything that was generated with the token's span, so the documentation of an event would be
//! buried under that of `Option` and `panic!`.
//!
//! For this reason the macros expand differently in rust-analyzer. [`error_span`] returns the call
//! site there, and only a few paths are generated for the editor alone, each with the span of the
//! token that it explains. rust-analyzer expands macros in a server process, which is recognized by
//! the name of its program. Any other program, another editor's server included, gets the same
//! expansion as rustc.

use std::env;
use std::sync::LazyLock;

use proc_macro2::Span;

/// Returns `true` if rust-analyzer expands the macro, and `false` in a compiler.
pub(crate) fn is_rust_analyzer() -> bool {
    static IS_RUST_ANALYZER: LazyLock<bool> = LazyLock::new(|| {
        env::current_exe().is_ok_and(|program| {
            let name = program.file_stem();
            name.is_some_and(|name| name.to_string_lossy().starts_with("rust-analyzer"))
        })
    });
    *IS_RUST_ANALYZER
}

/// Returns the span of generated code whose errors belong on the token with the span `token`.
pub(crate) fn error_span(token: Span) -> Span {
    if is_rust_analyzer() {
        Span::call_site()
    } else {
        token
    }
}
