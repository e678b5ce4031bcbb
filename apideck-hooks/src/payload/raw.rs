//! The verified text behind an event.

use crate::signature::VerifiedText;
use bytes::Bytes;
use serde_json::Value;
use std::fmt;

/// The text that was verified, for fields that this release does not know.
///
/// This is the whole body, `{"payload":{…}}`: as it came if the signature was over the raw bytes, else the sorted
/// text that was signed. Empty on an event that was not made from a delivery. `Debug` prints its length only: it may
/// hold end-user credentials.
///
/// ```
/// # use apideck_hooks::AnyEvent;
/// let event = AnyEvent::from_json(br#"{"payload":{"event_type":"crm.lead.created","brand_new":[1,2]}}"#)?;
/// assert_eq!(event.raw().pointer("/payload/brand_new/1"), Some(2.into()));
/// # Ok::<_, apideck_hooks::DecodeError>(())
/// ```
#[derive(Clone, Default)]
pub struct Raw(Bytes);

impl Raw {
    pub(crate) fn new(text: &VerifiedText) -> Self {
        Raw(Bytes::clone(text))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The text; empty if the bytes are no UTF-8, which no event is.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text as JSON, if it is any and not nested deeper than 128 levels. Parsed anew at each call.
    pub fn to_value(&self) -> Option<Value> {
        serde_json::from_slice(&self.0).ok()
    }

    /// The value at a JSON pointer (RFC 6901), such as `/payload/entity/name`. Parsed anew at each call.
    pub fn pointer(&self, pointer: &str) -> Option<Value> {
        self.to_value()?.pointer_mut(pointer).map(Value::take)
    }
}

/// Two events are equal if their fields are, however they were written.
impl PartialEq for Raw {
    fn eq(&self, _: &Raw) -> bool {
        true
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}
