//! A payload type for each event, so that a handler cannot get another event.
//!
//! Each type wraps the payload of its family and dereferences to it. An event of Vault wraps a
//! [`ConnectionEvent`], and any other event wraps a [`ResourceEvent`]. A handler of several events
//! takes one of these two types. A handler of all events takes [`AnyEvent`].
//!
//! ```
//! use apideck_hooks::{ConnectionState, events::ConnectionCallable, on};
//!
//! #[on("vault.connection.callable")]
//! async fn start_sync(event: ConnectionCallable) {
//!     assert_eq!(event.entity.state, ConnectionState::Callable);
//!     println!("sync {} of {}", event.entity.service_id, event.entity.consumer_id);
//! }
//! # start_sync(ConnectionCallable::new(Default::default()));
//! ```

use std::future::{Future, ready};
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::delivery::Delivery;
use crate::event::{EventType, Family};
use crate::handler::{FromDelivery, Needs, NoState, Payload, Permanent, Source};
use crate::payload::DecodeError;
#[cfg(feature = "testing")]
use crate::payload::example::example_event;

pub use crate::payload::{AnyEvent, ConnectionEvent, ResourceEvent};

/// Defines the payload type of one event.
macro_rules! event {
    ($index:literal, $name:literal, $rust_name:ident, Connection, $doc:literal) => {
        event!(@ $index, $name, $rust_name, ConnectionEvent, into_connection, $doc);
    };
    ($index:literal, $name:literal, $rust_name:ident, Resource, $doc:literal) => {
        event!(@ $index, $name, $rust_name, ResourceEvent, into_resource, $doc);
    };
    (@ $index:literal, $name:literal, $rust_name:ident, $inner:ident, $into:ident, $doc:literal) => {
        #[doc = concat!("`", $name, "`: ", $doc)]
        #[derive(Clone, PartialEq, Debug)]
        pub struct $rust_name(Box<$inner>);

        impl $rust_name {
            /// Makes the event for a unit test of a handler, and sets the payload's `event_type`.
            pub fn new(mut payload: $inner) -> Self {
                payload.event_type = EventType::$rust_name;
                Self(Box::new(payload))
            }

            /// Returns the payload.
            pub fn into_inner(self) -> $inner {
                *self.0
            }

            fn from_box(payload: Box<$inner>) -> Result<Self, DecodeError> {
                match &payload.event_type {
                    EventType::$rust_name => Ok(Self(payload)),
                    other => Err(DecodeError::unexpected($name, other)),
                }
            }
        }

        #[cfg(feature = "testing")]
        impl $rust_name {
            #[doc = concat!("Returns an example of `", $name, "`, for a unit test of a handler.")]
            pub fn example() -> Self {
                let event = example_event(&EventType::$rust_name);
                event.$into().and_then(Self::from_box).expect("the example of this event")
            }

            /// Reads a body, `{"payload":{…}}`, for a unit test of a handler.
            ///
            /// # Errors
            ///
            /// The body is not this event, or does not have its shape.
            pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, DecodeError> {
                AnyEvent::from_json(text)?.$into().and_then(Self::from_box)
            }
        }

        impl Deref for $rust_name {
            type Target = $inner;

            fn deref(&self) -> &$inner {
                &self.0
            }
        }

        impl DerefMut for $rust_name {
            fn deref_mut(&mut self) -> &mut $inner {
                &mut self.0
            }
        }

        impl From<$rust_name> for $inner {
            fn from(event: $rust_name) -> Self {
                *event.0
            }
        }

        impl TryFrom<$inner> for $rust_name {
            type Error = DecodeError;

            fn try_from(payload: $inner) -> Result<Self, DecodeError> {
                Self::from_box(Box::new(payload))
            }
        }

        // Not derived, because 140 derives take a tenth of a second of every build.
        impl Serialize for $rust_name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $rust_name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $inner::deserialize(deserializer)?
                    .try_into()
                    .map_err(serde::de::Error::custom)
            }
        }

        payload!($rust_name, Payload::Event($index), |any| any.$into().and_then(Self::from_box));
    };
}

/// Implements [`FromDelivery`] for a payload type, so that it can be the first parameter of a
/// handler.
macro_rules! payload {
    ($type:ident, $payload:expr, |$any:ident| $convert:expr) => {
        // rustc would list all 140 payload types in its error about another type.
        #[diagnostic::do_not_recommend]
        impl FromDelivery for $type {
            type State = NoState;
            type Error = Permanent<DecodeError>;

            // Not an `async fn`, because the compiler needs more time for one than for the rest of
            // the type, and there would be 286.
            fn from_delivery(
                delivery: &Delivery,
                _: NoState,
            ) -> impl Future<Output = Result<Self, Permanent<DecodeError>>> + Send {
                let event = AnyEvent::read(delivery.text());
                ready(event.and_then(|$any| $convert).map_err(Permanent))
            }

            const NEEDS: Needs = Needs::Payload($payload);

            fn take(
                Source(incoming): Source<'_>,
                _: NoState,
            ) -> impl Future<Output = Result<Self, Permanent<DecodeError>>> + Send {
                let event = incoming.take_event();
                ready(event.and_then(|$any| $convert).map_err(Permanent))
            }
        }
    };
}

macro_rules! define {
    ($(($index:literal, $name:literal, $rust_name:ident, $family:ident, $doc:literal, $api:literal))*) => {
        $( event!($index, $name, $rust_name, $family, $doc); )*
    };
}

apideck_hooks_macros::__events!(define);

payload!(ConnectionEvent, Payload::Family(Family::Connection), |any| any
    .try_into());
payload!(ResourceEvent, Payload::Family(Family::Resource), |any| any
    .try_into());
payload!(AnyEvent, Payload::Any, |any| Ok::<_, DecodeError>(any));

impl TryFrom<AnyEvent> for ConnectionEvent {
    type Error = DecodeError;

    fn try_from(event: AnyEvent) -> Result<Self, DecodeError> {
        event.into_connection().map(|event| *event)
    }
}

impl TryFrom<AnyEvent> for ResourceEvent {
    type Error = DecodeError;

    fn try_from(event: AnyEvent) -> Result<Self, DecodeError> {
        event.into_resource().map(|event| *event)
    }
}

#[cfg(feature = "testing")]
impl ConnectionEvent {
    /// Returns an example of `vault.connection.callable`, for a unit test of a handler.
    pub fn example() -> Self {
        ConnectionCallable::example().into_inner()
    }

    /// Reads a body, `{"payload":{…}}`, for a unit test of a handler.
    ///
    /// # Errors
    ///
    /// The body is not an event of Vault, or does not have its shape.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, DecodeError> {
        AnyEvent::from_json(text)?.try_into()
    }
}

#[cfg(feature = "testing")]
impl ResourceEvent {
    /// Returns an example of `crm.contact.created`, for a unit test of a handler.
    pub fn example() -> Self {
        CrmContactCreated::example().into_inner()
    }

    /// Reads a body, `{"payload":{…}}`, for a unit test of a handler.
    ///
    /// # Errors
    ///
    /// The body is not an event of an API other than Vault, or does not have its shape.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, DecodeError> {
        AnyEvent::from_json(text)?.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_as_its_payload_and_read_only_from_its_own() {
        let event = CrmLeadCreated::new(ResourceEvent {
            event_id: "e1".to_owned(),
            ..Default::default()
        });
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json, serde_json::to_value(event.clone().into_inner()).unwrap());
        assert_eq!(
            serde_json::from_value::<CrmLeadCreated>(json.clone()).unwrap(),
            event
        );
        let refused = serde_json::from_value::<CrmLeadDeleted>(json).unwrap_err();
        assert!(refused.to_string().contains("crm.lead.created"), "{refused}");
    }
}
