//! Which signatures are accepted, and the texts that they are made of.

mod forgery;
mod hint;
mod node;
mod properties;
