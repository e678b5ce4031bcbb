//! The headers of an event, which are not part of its signed body.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{Event, EventError, ids, or_panic};
use crate::delivery::{EVENT_TYPE, IDEMPOTENCY_KEY};
use crate::event::EventType;
use crate::signature::sign::sign;
use crate::signature::{Encoding, Form, HEADER, Secret};

impl Event {
    /// Sets the idempotency key, which is a header and is not signed.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.left_out.retain(|name| *name != IDEMPOTENCY_KEY);
        self.key = Some(key.into());
        self
    }

    /// Makes a replay of a captured body: the same body under another idempotency key.
    pub fn replayed(mut self) -> Self {
        self.key = Some(ids::after(self.key.as_deref().unwrap_or_default()));
        self
    }

    /// Sets the form of the body that is signed, and the encoding of the signature.
    pub fn signed(mut self, form: Form, encoding: Encoding) -> Self {
        self.form = form;
        self.encoding = encoding;
        self
    }

    /// Sets a header, such as one that a gateway adds.
    ///
    /// # Panics
    ///
    /// HTTP does not allow the name or the value.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = or_panic(header(name.as_bytes(), value.as_bytes()));
        self.left_out.retain(|left_out| *left_out != name);
        self.headers.insert(name, value);
        self
    }

    /// Leaves a header out, such as `x-apideck-idempotency-key`.
    ///
    /// # Panics
    ///
    /// HTTP does not allow the name.
    #[track_caller]
    pub fn without_header(mut self, name: &str) -> Self {
        self.left_out.push(or_panic(header(name.as_bytes(), b"")).0);
        self
    }

    /// Sends exactly these headers, those of a recording. Its signature is not made anew.
    ///
    /// # Panics
    ///
    /// HTTP does not allow a name or a value.
    #[track_caller]
    pub fn exact<N, V>(mut self, headers: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut exact = HeaderMap::new();
        for (name, value) in headers {
            let (name, value) = or_panic(header(name.as_ref(), value.as_ref()));
            exact.append(name, value);
        }
        self.exact = Some(exact);
        self
    }

    /// Returns the idempotency key that is sent, unless the headers are those of a recording.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns the headers of a delivery, signed with this secret.
    ///
    /// [`Hooks::handle`](crate::Hooks::handle) and clients of other frameworks take them beside the
    /// [`body`](Self::body).
    ///
    /// # Panics
    ///
    /// A sorted form is to be signed, and the body has none.
    pub fn headers(&self, secret: &Secret) -> HeaderMap {
        if let Some(exact) = &self.exact {
            return exact.clone();
        }
        let signature = sign(secret, &self.body(), self.form, self.encoding);
        let signature =
            signature.unwrap_or_else(|error| panic!("{self}: the body has no sorted form: {error}"));
        let event_type = self.event_type();
        let mut headers = HeaderMap::new();
        let own = [
            (CONTENT_TYPE, Some("application/json")),
            (EVENT_TYPE, event_type.as_ref().map(EventType::as_str)),
            (HeaderName::from_static(HEADER), Some(signature.as_str())),
            (IDEMPOTENCY_KEY, self.key.as_deref()),
        ];
        for (name, value) in own {
            // A name that cannot be a header, of an event that Apideck does not list, is left out.
            if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
                headers.insert(name, value);
            }
        }
        headers.extend(self.headers.clone());
        for name in &self.left_out {
            headers.remove(name);
        }
        headers
    }

    /// Tells if the headers are those of a recording, so that the event is sent unchanged.
    pub fn is_exact(&self) -> bool {
        self.exact.is_some()
    }
}

pub(super) fn header(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue), EventError> {
    match (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(EventError::new(format!(
            "HTTP does not allow the header `{}` with this value",
            String::from_utf8_lossy(name)
        ))),
    }
}
