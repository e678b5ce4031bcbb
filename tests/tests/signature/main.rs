//! Signatures, and the forms of a body that are signed.

mod forgery;
mod hint;
mod node;
mod properties;
