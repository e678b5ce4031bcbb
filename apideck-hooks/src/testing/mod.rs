//! For tests and tools: signing as Apideck does, and the suite that every store passes.

pub mod conformance;

pub use crate::signature::sign;
pub use crate::store_conformance;
