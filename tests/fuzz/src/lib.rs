//! Models of the signature engine and of the payload reader: slow, simple, and written without a
//! look at them.

pub mod json;
pub mod mac;
pub mod print;
pub mod value;
