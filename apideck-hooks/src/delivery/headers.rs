//! Apideck's two headers that are not signed.

use http::{HeaderMap, HeaderName};

/// Source of the names: the webhook reference of Apideck.
pub(crate) const EVENT_TYPE: HeaderName = HeaderName::from_static("x-apideck-event-type");
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
        DeliveryHeaders { headers }
    }

    /// Compares the header's event with that of the signed body.
    ///
    /// # Errors
    ///
    /// A header names another event.
    pub(crate) fn agree(&self, event_type: &str) -> Result<(), Contradiction> {
        let mut names = self.headers.get_all(EVENT_TYPE).iter();
        if names.all(|name| name.as_bytes() == event_type.as_bytes()) {
            Ok(())
        } else {
            Err(Contradiction)
        }
    }

    /// The idempotency key: 1 to 255 visible ASCII characters, once.
    ///
    /// `Err` is a key that is there and cannot be used.
    pub(crate) fn idempotency_key(&self) -> Result<Option<&'a str>, ()> {
        let mut keys = self.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = keys.next() else { return Ok(None) };
        // All of them are looked at, which is faster than to stop at the first.
        let graphic = |key: &[u8]| key.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
        let usable = (1..=255).contains(&key.len()) && graphic(key.as_bytes());
        match std::str::from_utf8(key.as_bytes()) {
            Ok(text) if usable && keys.next().is_none() => Ok(Some(text)),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

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
