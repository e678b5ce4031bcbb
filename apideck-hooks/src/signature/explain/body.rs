//! Evidence that a body was changed after it was signed.

use std::fmt;

use http::{HeaderMap, header::CONTENT_LENGTH};

use crate::signature::canonical::{Canonical, NotCanonical, Rewritten};

/// Facts about a body that can show how it was changed after it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Body {
    /// The length in bytes.
    pub length: usize,
    /// The length in bytes that the `content-length` header gives. `None` if it is the body's
    /// length or is not known.
    pub announced: Option<usize>,
    /// The reason why the body has no sorted form. `None` if it has one.
    pub fault: Option<NotCanonical>,
    /// The body has whitespace between its tokens. It is pretty-printed or ends in a newline.
    pub whitespace: bool,
    /// The body has escapes that JavaScript does not print, such as `\u00e9` or `\/`.
    pub escapes: bool,
    /// The body has numbers that JavaScript prints differently, such as `1.0`.
    pub numbers: bool,
}

impl Body {
    pub(super) fn new(headers: &HeaderMap, body: &[u8], sorted: Result<&Canonical, &NotCanonical>) -> Self {
        let announced = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let Rewritten {
            whitespace,
            escapes,
            numbers,
        } = sorted.map(Canonical::rewritten).unwrap_or_default();
        Self {
            length: body.len(),
            announced: announced.filter(|&length| length != body.len()),
            fault: sorted.err().copied(),
            whitespace,
            escapes,
            numbers,
        }
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.length, self.announced) {
            (0, None) => f.write_str("The body is empty, so it may have been read earlier")?,
            (0, Some(announced)) => write!(
                f,
                "The body is empty, but content-length is {announced}, so it was read earlier or cut"
            )?,
            (length, None) => write!(f, "The body has {length} bytes")?,
            (length, Some(announced)) => write!(
                f,
                "The body has {length} bytes, but content-length is {announced}, so it was changed or cut"
            )?,
        }
        // An empty body also counts as truncated, which would add nothing.
        if self.length == 0 {
            return Ok(());
        }
        let signs = [
            (self.whitespace, "whitespace between its tokens"),
            (self.escapes, "escapes that JavaScript does not print"),
            (self.numbers, "numbers that JavaScript prints differently"),
        ];
        let signs: Vec<_> = signs
            .into_iter()
            .filter_map(|(seen, sign)| seen.then_some(sign))
            .collect();
        if !signs.is_empty() {
            let signs = signs.join(" and ");
            write!(
                f,
                ". It has {signs}, so it may have been parsed and printed again"
            )?;
        }
        if let Some(fault) = self.fault {
            write!(f, ". It has no sorted form because {fault}")?;
            if fault.is_truncated() {
                f.write_str(", so it may have been cut")?;
            } else if fault.is_not_utf8() {
                f.write_str(", so it may be compressed")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_LENGTH};

    use super::Body;
    use crate::signature::canonical::{Sorting, canonical};

    fn body(headers: &HeaderMap, body: &str) -> Body {
        let sorted = canonical(body.as_bytes(), Sorting::OutsideArrays);
        Body::new(headers, body.as_bytes(), sorted.as_ref())
    }

    #[test]
    fn another_length_than_announced_is_a_sign() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("921"));
        let cut = body(&headers, "{\"a\":");
        assert_eq!(cut.announced, Some(921));
        let text = cut.to_string();
        assert!(text.contains("has 5 bytes, but content-length is 921"), "{text}");
        assert!(text.contains("ends in the middle of JSON"), "{text}");
        assert_eq!(body(&headers, &" ".repeat(921)).announced, None);
    }

    #[test]
    fn signs_of_a_body_that_was_printed_again_are_found() {
        let none = HeaderMap::new();
        let reprinted = body(&none, "{ \"a\": \"\\u00e9\", \"b\": 1.0 }");
        assert!(reprinted.whitespace && reprinted.escapes && reprinted.numbers);
        let original = body(&none, "{\"a\":\"é\",\"b\":1}");
        assert!(!original.whitespace && !original.escapes && !original.numbers);
    }

    #[test]
    fn the_fault_of_a_body_that_is_not_json_is_found() {
        let fault = |text: &str| body(&HeaderMap::new(), text).fault.unwrap();
        assert!(fault("{\"a\":[1,").is_truncated());
        assert!(fault("\u{feff}{}").is_byte_order_mark());
        assert!(fault(&"[".repeat(129)).is_limit());
        assert_eq!(fault("{]").offset(), 1);
    }
}
