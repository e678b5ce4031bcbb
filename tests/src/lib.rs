//! What the tests share, and the receivers in `src/bin/` that tests start as processes.
// Not published: the names say it.
#![allow(missing_docs)]

mod support;

pub use support::*;
