//! The envelope in which an inbox of the user's own carries an event.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::delivery::Context;
use crate::json::without_values;
use crate::signature::Seals;
use crate::store::Acceptance;

/// Version of the text form.
const VERSION: u8 = 1;

/// A verified event on its way to a worker.
///
/// It holds the body, the name of the event, the idempotency key and the context. It holds no
/// signature, so it cannot be sent to a receiver as a delivery. **The body may hold end-user
/// credentials.** `Debug` does not print it.
///
/// The receiver seals it with a key that is made of its secret. A worker with that secret refuses
/// an envelope that was made or changed by somebody else.
///
/// It is serialised by [`to_json`](Self::to_json), or with serde in another format.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EnvelopeText", into = "EnvelopeText")]
pub struct Envelope {
    source: String,
    event_type: String,
    idempotency_key: Option<String>,
    context: Context,
    /// Microseconds since the start of 1970.
    accepted_at: u64,
    body: Bytes,
    seal: Option<Vec<u8>>,
}

/// The error of a text that is not an [`Envelope`], or of an envelope that a worker refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnvelopeError(String);

impl EnvelopeError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EnvelopeError {}

impl Envelope {
    /// Makes the envelope of an event that was just verified.
    pub(super) fn new(acceptance: Acceptance, seals: &Seals) -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let kept = acceptance.kept;
        let mut envelope = Self {
            source: kept.source,
            event_type: kept.event_type,
            idempotency_key: acceptance.idempotency_key,
            context: kept.context,
            accepted_at: u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX),
            body: kept.body,
            seal: None,
        };
        envelope.seal = envelope.with_parts(|parts| seals.seal(parts)).map(Vec::from);
        envelope
    }

    /// Returns the envelope as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        // Nothing in it can fail: all keys are texts.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads an envelope.
    ///
    /// # Errors
    ///
    /// The text is not one, or a later release has written it.
    pub fn from_json(text: &[u8]) -> Result<Self, EnvelopeError> {
        serde_json::from_slice(text).map_err(|error| EnvelopeError(without_values(&error)))
    }

    /// Returns the name of the event, for a subject or a routing key. Empty for a body that is not
    /// an event.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// Returns the receiver's [`source`](crate::HooksBuilder::source).
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the time at which the delivery was accepted, by the receiver's clock.
    pub fn accepted_at(&self) -> SystemTime {
        UNIX_EPOCH
            .checked_add(Duration::from_micros(self.accepted_at))
            .unwrap_or(UNIX_EPOCH)
    }

    pub(crate) fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Checks that the receiver with these keys and this source has made the envelope. Returns its
    /// context and its body.
    pub(crate) fn open(self, seals: &Seals, source: &str) -> Result<(Context, Bytes), EnvelopeError> {
        if self.source != source {
            return Err(EnvelopeError::new(format!(
                "the envelope is of the source {:?}, and this worker's is {source:?}",
                self.source
            )));
        }
        if seals.any() {
            let Some(seal) = &self.seal else {
                return Err(EnvelopeError::new(
                    "the envelope is not sealed, and this worker has a secret",
                ));
            };
            if !self.with_parts(|parts| seals.is_seal(seal, parts)) {
                return Err(EnvelopeError::new(
                    "the seal does not match: the envelope was changed, or the receiver has another secret",
                ));
            }
        }
        Ok((self.context, self.body))
    }

    /// Calls a function with the parts that are sealed.
    fn with_parts<T>(&self, call: impl FnOnce(&[&[u8]]) -> T) -> T {
        let key = self.idempotency_key.as_deref().unwrap_or_default();
        let context = self.context.to_json();
        call(&[
            &[VERSION],
            self.source.as_bytes(),
            self.event_type.as_bytes(),
            &[u8::from(self.idempotency_key.is_some())],
            key.as_bytes(),
            context.as_bytes(),
            &self.accepted_at.to_le_bytes(),
            &self.body,
        ])
    }
}

/// The text form.
#[derive(Serialize, Deserialize)]
struct EnvelopeText {
    version: u8,
    source: String,
    event_type: String,
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(default)]
    context: BTreeMap<String, String>,
    accepted_at: u64,
    /// In base64, because a body need not be a text.
    body: String,
    #[serde(default)]
    seal: Option<String>,
}

impl From<Envelope> for EnvelopeText {
    fn from(envelope: Envelope) -> Self {
        let context = envelope.context.iter();
        Self {
            version: VERSION,
            source: envelope.source,
            event_type: envelope.event_type,
            idempotency_key: envelope.idempotency_key,
            context: context
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            accepted_at: envelope.accepted_at,
            body: STANDARD.encode(envelope.body),
            seal: envelope.seal.map(|seal| STANDARD.encode(seal)),
        }
    }
}

impl TryFrom<EnvelopeText> for Envelope {
    type Error = EnvelopeError;

    fn try_from(wire: EnvelopeText) -> Result<Self, EnvelopeError> {
        if wire.version != VERSION {
            return Err(EnvelopeError::new(format!(
                "the envelope has version {}, and this release wanted version {VERSION}",
                wire.version
            )));
        }
        let bytes = |name: &str, text: &str| {
            let decoded = STANDARD.decode(text);
            decoded.map_err(|_| EnvelopeError::new(format!("`{name}` of the envelope is not base64")))
        };
        let mut context = Context::new();
        for (name, value) in wire.context {
            context
                .insert(name, value)
                .map_err(|error| EnvelopeError::new(error.to_string()))?;
        }
        Ok(Self {
            source: wire.source,
            event_type: wire.event_type,
            idempotency_key: wire.idempotency_key,
            context,
            accepted_at: wire.accepted_at,
            body: bytes("body", &wire.body)?.into(),
            seal: wire.seal.map(|seal| bytes("seal", &seal)).transpose()?,
        })
    }
}

/// Prints the length of the body only, and no seal.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("source", &self.source)
            .field("event_type", &self.event_type)
            .field("accepted_at", &self.accepted_at())
            .field("body", &format_args!("<{} bytes>", self.body.len()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Key;
    use crate::signature::{Secret, Verifier};
    use crate::store::DeadLetter;

    fn seals(secrets: &[&str]) -> Seals {
        let secrets = secrets.iter().map(|secret| Secret::new(*secret).unwrap());
        Verifier::new(secrets).map_or_else(
            |_| Verifier::without_secrets().seals(),
            |verifier| verifier.seals(),
        )
    }

    fn envelope(seals: &Seals) -> Envelope {
        let mut context = Context::new();
        context.insert("tenant", "a").unwrap();
        let kept = DeadLetter::new("billing", &b"no utf-8: \xff"[..])
            .event("crm.lead.created", "e1", "c1", "")
            .context(context);
        let acceptance = Acceptance {
            event: Key::from_bytes([1; 16]),
            alias: None,
            lane: None,
            occurred_at: None,
            idempotency_key: Some("h1".to_owned()),
            kept,
        };
        Envelope::new(acceptance, seals)
    }

    #[test]
    fn an_envelope_is_read_as_it_is_written_and_opened_by_its_secret() {
        let envelope = envelope(&seals(&["old"]));
        let again = Envelope::from_json(&envelope.to_json()).unwrap();
        assert_eq!(again, envelope);
        assert!(!format!("{again:?}").contains("utf-8"));
        let (context, body) = again.open(&seals(&["new", "old"]), "billing").unwrap();
        assert_eq!(
            (context.get("tenant"), &body[..]),
            (Some("a"), &b"no utf-8: \xff"[..])
        );
    }

    #[test]
    fn a_changed_an_unsealed_and_another_sources_envelope_is_refused() {
        let keys = seals(&["key"]);
        let sealed = envelope(&keys);
        let changes: [fn(&mut Envelope); 6] = [
            |envelope| envelope.body = Bytes::from_static(b"x"),
            |envelope| envelope.event_type.push('x'),
            |envelope| envelope.idempotency_key = None,
            |envelope| envelope.context = Context::new(),
            |envelope| envelope.accepted_at += 1,
            |envelope| envelope.seal = None,
        ];
        for change in changes {
            let mut changed = sealed.clone();
            change(&mut changed);
            assert!(changed.open(&keys, "billing").is_err());
        }
        assert!(sealed.clone().open(&seals(&["other"]), "billing").is_err());
        assert!(sealed.clone().open(&keys, "other").is_err());
        // A worker without a secret trusts its caller.
        assert!(sealed.clone().open(&seals(&[]), "billing").is_ok());
        sealed.open(&keys, "billing").unwrap();
    }

    #[test]
    fn another_version_and_other_texts_are_refused() {
        let text = String::from_utf8(envelope(&seals(&[])).to_json()).unwrap();
        let later = text.replace("\"version\":1", "\"version\":2");
        assert!(
            Envelope::from_json(later.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("version 2")
        );
        // The error does not quote the text, because it holds the body.
        let twice = serde_json::to_vec(&text).unwrap();
        let error = Envelope::from_json(&twice).unwrap_err().to_string();
        assert!(
            error.starts_with("invalid type: string, expected struct"),
            "{error}"
        );
        for text in ["", "{}", "[]", &text.replace("\"body\":\"", "\"body\":\"!")] {
            assert!(Envelope::from_json(text.as_bytes()).is_err(), "{text}");
        }
    }
}
