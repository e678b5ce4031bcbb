//! The macros: accepted code, errors, and the documentation of both.

mod fail;
mod pages;
#[path = "../../compile/pass/mod.rs"]
mod pass;
mod renamed;
