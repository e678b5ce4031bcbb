//! The verified text of an event.

use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use crate::json::{CheckedJson, exact_value};
use crate::signature::VerifiedText;
use crate::signature::canonical::MAX_DEPTH;

/// The verified text of an event, for fields that this release does not know.
///
/// It is the whole body, `{"payload":{…}}`, as received if the signature is over the raw body.
/// Otherwise it is the sorted text that Apideck signed. It is empty if the event was not made from
/// a delivery.
///
/// `Debug` prints its length only, because it may hold end-user credentials.
///
/// ```
/// # use apideck_hooks::AnyEvent;
/// let body = br#"{"payload":{"event_type":"crm.lead.created","brand_new":[1,2]}}"#;
/// let event = AnyEvent::from_json(body)?;
/// assert_eq!(event.raw().pointer("/payload/brand_new/1"), Some(2.into()));
/// # Ok::<_, apideck_hooks::DecodeError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Raw(Bytes);

impl Raw {
    pub(crate) fn new(text: &VerifiedText) -> Self {
        Self(Bytes::clone(text))
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Returns the text. Empty if the bytes are not UTF-8. The text of an event always is.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Parses the text as JSON, anew at each call.
    ///
    /// The last of equal keys wins. A number beyond a double is `null`, as JavaScript prints it. A
    /// lone surrogate is U+FFFD, and in a key its four hexadecimal digits follow.
    ///
    /// Returns `None` if the text is not JSON, or is nested deeper than 128 levels.
    pub fn to_value(&self) -> Option<Value> {
        exact_value(CheckedJson::check(self.as_str(), MAX_DEPTH)?).ok()
    }

    /// Returns the value at a JSON pointer (RFC 6901), such as `/payload/entity/name`.
    ///
    /// The text is parsed anew at each call. Use [`to_value`](Raw::to_value) to read several
    /// values.
    pub fn pointer(&self, pointer: &str) -> Option<Value> {
        self.to_value()?.pointer_mut(pointer).map(Value::take)
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}

/// The text that an event was read from.
///
/// It is always equal to any other, because two events are equal if all that was read is equal.
#[derive(Clone, Default)]
pub(crate) struct EventText(pub(crate) Raw);

impl PartialEq for EventText {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for EventText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
