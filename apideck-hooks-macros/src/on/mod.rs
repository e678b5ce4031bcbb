//! `#[on]`: keeps the function unchanged and adds a type of the same name, which holds the
//! function's events and calls it. `router!` finds the type under the function's path.
//!
//! The body is never parsed, so the compiler and an editor also get a function whose body is
//! half-typed.

mod args;
mod expand;
mod function;
mod names;
mod selector;

pub(crate) use expand::expand;
