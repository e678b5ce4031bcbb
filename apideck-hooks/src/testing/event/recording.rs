//! Recorded deliveries: the body in one file, and the headers in a file beside it.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use http::header::HeaderMap;

use super::body::EventBody;
use super::headers::header;
use super::{Event, EventError};
use crate::delivery::IDEMPOTENCY_KEY;
use crate::signature::canonical::canonical;
use crate::signature::{Encoding, Form, HEADER};

/// The header with which a recorder marks a body from which it has removed credentials.
///
/// Its value names the form and the encoding that were signed, as in `sorted hex`.
pub const BLANKED: &str = "x-apideck-hooks-blanked";

impl Event {
    /// Reads a recorded delivery, as `apideck-hooks listen --save` writes it. The body is in this
    /// file. The headers are beside it, in a file of the same name that ends in `.headers`, one a
    /// line.
    ///
    /// The delivery is sent byte for byte, with the recorded signature. A recording from which
    /// credentials were removed has the header [`BLANKED`]. Its signature belongs to another body,
    /// so it is signed anew, in the form and the encoding that were signed.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or HTTP does not allow a header.
    pub fn recording(file: impl AsRef<Path>) -> Result<Self, EventError> {
        let file = file.as_ref();
        let headers = file.with_extension("headers");
        let read = |file: &Path| fs::read(file).map_err(|error| of_file(file, &error));
        let (body, lines) = (read(file)?, read(&headers)?);
        let headers = read_headers(&lines).map_err(|error| of_file(&headers, &error))?;
        Ok(Self::recorded(headers, body.into()))
    }

    fn recorded(mut headers: HeaderMap, body: Bytes) -> Self {
        let key = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok());
        let mut event = Self::of_body(EventBody::kept(body), String::new());
        event.key = key.map(str::to_owned);
        match headers.remove(BLANKED) {
            None => event.exact = Some(headers),
            Some(mark) => {
                let mark = mark.to_str().unwrap_or_default();
                let mut words = mark.split(' ');
                event.form = form(words.next().unwrap_or_default(), &event.body());
                event.encoding = match words.next() {
                    Some("base64") => Encoding::Base64,
                    _ => Encoding::Hex,
                };
                headers.remove(HEADER);
                event.headers = headers;
            }
        }
        event
    }
}

fn of_file(file: &Path, error: &dyn Display) -> EventError {
    EventError::new(format!("{}: {error}", file.display()))
}

/// Returns the form of a name. A body that was changed by hand may have none of them but the raw
/// one.
fn form(name: &str, body: &[u8]) -> Form {
    let has = |form: &Form| {
        form.sorting()
            .is_some_and(|sorting| canonical(body, sorting).is_ok())
    };
    let mut sorted = [Form::Sorted, Form::SortedInArrays].into_iter();
    sorted
        .find(|form| form.name() == name)
        .filter(has)
        .unwrap_or(Form::Raw)
}

fn read_headers(lines: &[u8]) -> Result<HeaderMap, EventError> {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let colon = colon.ok_or_else(|| EventError::new("a line is not `name: value`"))?;
        let (name, value) = header(&line[..colon], line[colon + 1..].trim_ascii_start())?;
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Secret, Verifier};

    const BODY: &str = r#"{ "payload":{"event_type":"crm.lead.created","event_id":"e", "a":1e400} }"#;

    fn recorded(lines: &str, body: &str) -> Event {
        Event::recorded(
            read_headers(lines.as_bytes()).unwrap(),
            Bytes::from(body.to_owned()),
        )
    }

    #[test]
    fn a_recording_is_kept_byte_for_byte() {
        let secret = Secret::new("key").unwrap();
        let lines = "x-apideck-signature: abc\r\nX-Apideck-Idempotency-Key: k\n\nvia: a\nvia: b\n";
        for body in [BODY, "not json", r#"{"event_type":"crm.lead.created"}"#] {
            let event = recorded(lines, body);
            let headers = event.headers(&secret);
            assert!(event.is_exact() && event.body() == body);
            assert_eq!((headers.len(), &headers[HEADER]), (4, &"abc".parse().unwrap()));
            assert_eq!(event.idempotency_key(), Some("k"));
        }
        assert!(read_headers(b"no colon").is_err() && read_headers(b"a b: c").is_err());
    }

    #[test]
    fn a_blanked_recording_is_signed_anew_in_its_form() {
        let secret = Secret::new("key").unwrap();
        let lines = "x-apideck-signature: abc\nuser-agent: Apideck\nx-apideck-hooks-blanked: sorted base64\n";
        let event = recorded(lines, BODY);
        let headers = event.headers(&secret);
        assert!(!event.is_exact() && !headers.contains_key(BLANKED));
        assert_eq!(headers["user-agent"], "Apideck");
        let verifier = Verifier::new([secret]).unwrap();
        let body = event.body();
        assert_eq!(verifier.verify(&headers, &body).unwrap().form(), Form::Sorted);
        assert_eq!(headers[HEADER].len(), 44);
        let changed = recorded("x-apideck-hooks-blanked: sorted base64\n", "not json");
        assert_eq!(changed.form(), Form::Raw);
    }
}
