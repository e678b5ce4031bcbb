//! The helpers that the suites share. `src/bin/` holds the receivers that tests start as processes.
// Not published, so that names without a doc comment are enough.
#![allow(missing_docs)]

mod support;

pub use support::*;
