//! A payload type for every event, so that a handler cannot be handed the wrong one.
//!
//! Each wraps the payload of its family and dereferences to it: Vault's wrap a [`ConnectionEvent`], all others a
//! [`ResourceEvent`]. The families themselves are here too, for handlers of several events, and [`AnyEvent`] for
//! handlers of all.
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

pub use crate::payload::{AnyEvent, ConnectionEvent, ResourceEvent};

use crate::delivery::Delivery;
use crate::event::{EventType, Family};
use crate::handler::{FromDelivery, Incoming, Needs, NoState, Payload, Permanent};
use crate::payload::DecodeError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::future::{Future, ready};
use std::ops::{Deref, DerefMut};

/// One type of the table.
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
            /// The event with this payload, whose `event_type` becomes this event's. For unit tests of handlers.
            pub fn new(mut payload: $inner) -> Self {
                payload.event_type = EventType::$rust_name;
                $rust_name(Box::new(payload))
            }

            /// The payload.
            pub fn into_inner(self) -> $inner {
                *self.0
            }

            fn from_box(payload: Box<$inner>) -> Result<Self, DecodeError> {
                match &payload.event_type {
                    EventType::$rust_name => Ok($rust_name(payload)),
                    other => Err(DecodeError::unexpected($name, other)),
                }
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
            fn from(event: $rust_name) -> $inner {
                *event.0
            }
        }

        impl TryFrom<$inner> for $rust_name {
            type Error = DecodeError;

            fn try_from(payload: $inner) -> Result<Self, DecodeError> {
                Self::from_box(Box::new(payload))
            }
        }

        // Not derived: 140 times, that takes a tenth of a second of every build.
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

/// Makes a type the first parameter of handlers: taken out of the delivery, or read from its text.
macro_rules! payload {
    ($type:ident, $payload:expr, |$any:ident| $convert:expr) => {
        // One of 140: a list of them all is no help to whoever takes something else.
        #[diagnostic::do_not_recommend]
        impl FromDelivery for $type {
            type State = NoState;
            type Error = Permanent<DecodeError>;

            // No `async fn`: the compiler does more for one than for all the rest, and these would be 286.
            fn from_delivery(
                delivery: &Delivery,
                _: NoState,
            ) -> impl Future<Output = Result<Self, Permanent<DecodeError>>> + Send {
                let event = AnyEvent::read(delivery.text());
                ready(event.and_then(|$any| $convert).map_err(Permanent))
            }

            const NEEDS: Needs = Needs::Payload($payload);

            fn take(
                incoming: &mut Incoming,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_as_its_payload_and_read_from_its_own_alone() {
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
