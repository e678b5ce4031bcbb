//! Helpers for tests and tools: signatures as Apideck makes them, and the tests that every store
//! passes.

pub mod conformance;

pub use crate::signature::sign;
pub use crate::store_conformance;
