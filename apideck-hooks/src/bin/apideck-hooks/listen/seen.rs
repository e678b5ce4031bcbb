//! The facts of one delivery.

use std::fmt;

use apideck_hooks::signature::{Explanation, Form, Verifier};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::signed;

const IDEMPOTENCY_KEY: &str = "x-apideck-idempotency-key";

/// A delivery as it was seen.
pub(super) struct Seen {
    explanation: Explanation,
    pub(super) event_type: Option<String>,
    pub(super) event_id: Option<String>,
    pub(super) entity_id: Option<String>,
    pub(super) key: Option<String>,
    attempt: Option<u64>,
    bytes: usize,
    /// `None` for a body that is not an event.
    pub(super) envelope: Option<bool>,
}

impl Seen {
    pub(super) fn new(verifier: &Verifier, headers: &HeaderMap, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let has_envelope = json["payload"].is_object();
        let payload = if has_envelope { &json["payload"] } else { &json };
        let text = |name: &str| payload[name].as_str().map(str::to_owned);
        let event_type = text("event_type");
        let key = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok());
        Self {
            explanation: verifier.explain(headers, body),
            event_id: text("event_id"),
            entity_id: text("entity_id"),
            key: key.map(str::to_owned),
            attempt: payload["execution_attempt"].as_u64(),
            bytes: body.len(),
            envelope: event_type.is_some().then_some(has_envelope),
            event_type,
        }
    }

    pub(super) fn is_verified(&self) -> bool {
        self.explanation.is_match()
    }

    pub(super) fn form(&self) -> Option<Form> {
        Some(signed::forms(&self.explanation)?.0)
    }

    pub(super) fn encoding(&self) -> Option<&'static str> {
        signed::encoding(&self.explanation)
    }

    /// Writes the form and the encoding that were signed: `raw hex`. Forms that are the same text
    /// are all named, because such a body does not tell which of them was meant.
    pub(super) fn signed(&self) -> Option<String> {
        let (form, same) = signed::forms(&self.explanation)?;
        let forms = std::iter::once(form.name()).chain(same);
        let forms = forms.collect::<Vec<_>>().join("=");
        Some(format!("{forms} {}", self.encoding().unwrap_or_default()))
    }

    /// Returns the reason why the delivery does not verify.
    pub(super) fn explanation(&self) -> Option<String> {
        (!self.is_verified()).then(|| self.explanation.to_string())
    }

    pub(super) fn object(&self) -> Value {
        let (form, same) = signed::forms(&self.explanation).unzip();
        json!({
            "event": self.event_type,
            "event_id": self.event_id,
            "execution_attempt": self.attempt,
            "idempotency_key": self.key,
            "verified": self.is_verified(),
            "form": form.map(Form::name),
            "same_forms": same.unwrap_or_default(),
            "encoding": self.encoding(),
            "bytes": self.bytes,
            "envelope": self.envelope,
        })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.event_type {
            Some(event_type) => f.write_str(event_type)?,
            None => write!(f, "a body of {} bytes that is not an event", self.bytes)?,
        }
        if let Some(id) = &self.event_id {
            write!(f, " {id}")?;
        }
        match self.attempt {
            Some(attempt) => write!(f, ", delivery {attempt}"),
            None => Ok(()),
        }
    }
}
