//! What rust-analyzer shows.
//!
//! An editor shows for a token of the user's all that the macro has written with that token's span. rustc's errors need
//! those spans on what is generated; in an editor they would bury what the user looks for under the documentation of
//! `Option` and `panic!`. So what an editor expands stands nowhere but where it is meant to be found.

use proc_macro2::Span;
use std::env;
use std::sync::LazyLock;

/// Whether rust-analyzer expands, in its server for macros, and not a compiler.
pub(crate) fn expands() -> bool {
    static EXPANDS: LazyLock<bool> = LazyLock::new(|| {
        env::current_exe().is_ok_and(|program| {
            let name = program.file_stem();
            name.is_some_and(|name| name.to_string_lossy().starts_with("rust-analyzer"))
        })
    });
    *EXPANDS
}

/// The place of generated code whose errors belong to this token.
pub(crate) fn blamed_on(span: Span) -> Span {
    if expands() { Span::call_site() } else { span }
}
