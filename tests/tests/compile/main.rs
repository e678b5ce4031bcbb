//! What the macros accept, and what they say about what they do not.

mod fail;
mod pages;
#[path = "../../compile/pass/mod.rs"]
mod pass;
mod renamed;
