//! The payloads of events, in two families, and the types of their fields.
//!
//! Apideck's schema requires no field, and gains fields and values without notice (OpenAPI
//! description 10.34.0). So only the event's name is required here:
//!
//! - A text that is missing or `null` is empty. Any other field that can be missing is an `Option`.
//! - An enum keeps a value that it does not know.
//! - The whole verified text can be reached from the event.

mod any;
mod connection;
mod connection_event;
mod decode_error;
#[cfg(feature = "testing")]
pub(crate) mod example;
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
