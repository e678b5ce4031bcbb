//! What an event carries: two families of payloads, and the open enums and lenient types they are made of.
//!
//! Apideck's schema requires no field and gains fields and values without notice, so nothing but a name to route
//! by is required here: a text that is missing or `null` is empty, anything else that may be missing is an
//! `Option`, an enum keeps what it does not know, and the whole verified text stays reachable.

mod any;
mod connection;
mod connection_event;
mod decode_error;
mod fields;
mod lenient;
mod migrated_from;
mod open_enum;
mod raw;
mod read;
mod resource_event;
mod timestamp;

pub use any::{AnyEvent, OtherEvent};
pub use connection::{AuthType, Connection, ConnectionState, Health};
pub use connection_event::ConnectionEvent;
pub use decode_error::DecodeError;
pub use migrated_from::MigratedFrom;
pub use raw::Raw;
pub use resource_event::ResourceEvent;
pub use timestamp::Timestamp;

pub(crate) use read::{EventIdentity, Parsed, parse};
