//! What an event carries: two families of payloads, and the open enums and lenient types they are made of.
//!
//! Apideck's schema requires no field and gains fields and values without notice, so nothing but a name to route
//! by is required here: a text that is missing or `null` is empty, anything else that may be missing is an
//! `Option`, an enum keeps what it does not know, and the whole verified text stays reachable.

mod any;
mod connection;
mod connection_event;
mod decode_error;
mod draft;
mod lenient;
mod open_enum;
mod raw;
mod repair;
mod resource_event;
mod scanner;
mod timestamp;
mod wire;

pub use any::{AnyEvent, OtherEvent};
pub use connection::{AuthType, Connection, ConnectionState, Health};
pub use connection_event::{ConnectionEvent, MigratedFrom};
pub use decode_error::DecodeError;
pub use raw::Raw;
pub use resource_event::ResourceEvent;
pub use timestamp::Timestamp;

pub(crate) use wire::{EventIdentity, Parsed, parse};
