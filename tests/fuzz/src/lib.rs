//! Models of what the signature engine does: slow, simple, and written without a look at it.

pub mod json;
pub mod mac;
pub mod print;
pub mod value;
