//! `#[on]`: keeps the function as it is and adds a type of the same name that says which events it handles and
//! how to call it. `router!` finds that type under the function's own path.
//!
//! The body is never parsed, so half-typed code still gives the compiler (and an editor) the function.

mod args;
mod expand;
mod function;
mod names;
mod selector;

pub(crate) use expand::expand;
