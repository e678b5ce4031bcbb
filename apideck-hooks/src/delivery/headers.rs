//! The two headers of Apideck that are not signed.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::event::EventType;

/// Name of the header with the event's name. Source: Apideck's webhook reference.
pub(crate) const EVENT_TYPE: HeaderName = HeaderName::from_static("x-apideck-event-type");
/// Name of the header with the idempotency key. Source: Apideck's webhook reference.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-apideck-idempotency-key");

/// An unsigned header that names another event than the signed body.
#[derive(Debug)]
pub(crate) struct Contradiction;

/// The unsigned headers of a delivery.
pub(crate) struct DeliveryHeaders<'a> {
    headers: &'a HeaderMap,
}

impl<'a> DeliveryHeaders<'a> {
    pub(crate) fn new(headers: &'a HeaderMap) -> Self {
        Self { headers }
    }

    /// Checks that the header names the event of the signed body. A missing header is accepted, and
    /// so are `*` and an empty value, which name no event.
    ///
    /// `*` is the first value of the header's enum in Apideck's reference.
    ///
    /// # Errors
    ///
    /// The header names another event.
    pub(crate) fn check_event_type(&self, event_type: &str) -> Result<(), Contradiction> {
        let mut names = self.headers.get_all(EVENT_TYPE).iter().map(HeaderValue::as_bytes);
        if names.all(|name| matches!(name, b"" | b"*") || is_same_event(name, event_type.as_bytes())) {
            Ok(())
        } else {
            Err(Contradiction)
        }
    }

    /// Returns the listed event that the header names.
    pub(crate) fn listed_event(&self) -> Option<&'a str> {
        let name = self.headers.get(EVENT_TYPE)?.to_str().ok()?;
        EventType::listed(name).map(|_| name)
    }

    /// Returns the idempotency key: 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    ///
    /// The key has other characters or another length, or the header came twice.
    pub(crate) fn idempotency_key(&self) -> Result<Option<&'a str>, ()> {
        let mut keys = self.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = keys.next() else { return Ok(None) };
        // Checks every byte, because that compiles to faster code than a stop at the first bad one.
        let graphic = |key: &[u8]| key.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
        let usable = (1..=255).contains(&key.len()) && graphic(key.as_bytes());
        match std::str::from_utf8(key.as_bytes()) {
            Ok(text) if usable && keys.next().is_none() => Ok(Some(text)),
            _ => Err(()),
        }
    }
}

/// Tells if two names are of one event. Apideck's own documents spell one resource with `-` and
/// with `_` (`pos.modifier-group.*`, `pos.modifier_group.*`).
fn is_same_event(one: &[u8], other: &[u8]) -> bool {
    let separator = |byte: u8| if byte == b'-' { b'_' } else { byte };
    // Nearly all names are equal byte for byte.
    one == other
        || one.len() == other.len()
            && one
                .iter()
                .zip(other)
                .all(|(one, other)| separator(*one) == separator(*other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_type_can_be_absent_general_or_spelt_otherwise() {
        let check = |value: &'static str, event: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(EVENT_TYPE, HeaderValue::from_static(value));
            DeliveryHeaders::new(&headers).check_event_type(event).is_ok()
        };
        assert!(
            DeliveryHeaders::new(&HeaderMap::new())
                .check_event_type("crm.lead.created")
                .is_ok()
        );
        for value in [
            "",
            "*",
            "pos.modifier-group.created",
            "pos.modifier_group.created",
        ] {
            assert!(check(value, "pos.modifier_group.created"), "{value}");
        }
        for value in [
            "pos.modifier.created",
            "pos.modifier_group.Created",
            "**",
            "pos.modifier.group.created",
        ] {
            assert!(!check(value, "pos.modifier_group.created"), "{value}");
        }
    }

    fn key(values: &[&[u8]]) -> Result<Option<String>, ()> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        DeliveryHeaders::new(&headers)
            .idempotency_key()
            .map(|key| key.map(str::to_owned))
    }

    #[test]
    fn keys_are_bounded_visible_and_single() {
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[b"a-b"]), Ok(Some("a-b".to_owned())));
        assert_eq!(key(&[&[b'x'; 255]]), Ok(Some("x".repeat(255))));
        for odd in [&[b'x'; 256][..], b"", b"a b", "\u{e9}".as_bytes(), b"a\tb"] {
            assert_eq!(key(&[odd]), Err(()));
        }
        assert_eq!(key(&[b"a", b"a"]), Err(()));
    }
}
