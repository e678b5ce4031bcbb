//! The names of Apideck's events.

mod event_type;
mod family;
mod table;

pub use event_type::EventType;
pub use family::Family;
pub(crate) use table::{API, COUNT, FAMILY, NAMES, RUST_NAMES};
