//! The pass over a body.
//!
//! # How it works
//!
//! The sorter reads the body once, with the grammar of `JSON.parse` and without making a tree. A
//! function that reads a token takes the position of the token's first byte and returns the
//! position after its last byte. The position is not a field, because each token has to wait for
//! the position after the token before it. As an argument and a result it stays in a register.
//!
//! At the end `compact` holds the compact text, `stack` holds the patches of the whole body, and
//! `children` holds all nodes below them.

use std::borrow::Cow;

use super::{
    Canonical, MAX_BYTES, MAX_DEPTH, Rewritten, Sorting,
    compact::CompactText,
    error::{NotCanonical, NotCanonicalKind, Stop},
    node::Node,
    print,
};

/// The number of bytes of a body for which memory for one node is reserved. Apideck's example
/// events have one member for every 38 bytes.
pub(super) const BYTES_PER_NODE: usize = 32;

/// A body that is being sorted.
pub(super) struct Sorter<'a> {
    /// The body. It is UTF-8.
    pub(super) source: &'a [u8],
    pub(super) sorting: Sorting,
    /// `true` if the body is ASCII, so that its keys without escapes need no decoding.
    pub(super) ascii: bool,
    pub(super) compact: CompactText<'a>,
    /// The members of all objects that have not ended, and the patches of the value that is being
    /// read.
    pub(super) stack: Vec<Node>,
    /// The children of all finished nodes. Those of one node are neighbours, in print order.
    pub(super) children: Vec<Node>,
    /// The decoded keys that are not in the body byte for byte.
    pub(super) keys: Vec<u8>,
    pub(super) differs: bool,
    pub(super) rewritten: Rewritten,
    /// The reason for a [`Stop`].
    fault: NotCanonical,
}

/// Sorts a body.
pub(super) fn sort(source: &[u8], sorting: Sorting) -> Result<Canonical, NotCanonical> {
    if source.len() > MAX_BYTES {
        return Err(NotCanonical::new(NotCanonicalKind::TooLong, MAX_BYTES));
    }
    let ascii = source.is_ascii();
    if !ascii && let Err(error) = str::from_utf8(source) {
        return Err(NotCanonical::new(NotCanonicalKind::NotUtf8, error.valid_up_to()));
    }
    if source.starts_with("\u{feff}".as_bytes()) {
        return Err(NotCanonical::new(NotCanonicalKind::ByteOrderMark, 0));
    }
    let mut sorter = Sorter {
        source,
        sorting,
        ascii,
        compact: CompactText::new(source),
        stack: Vec::with_capacity(source.len() / BYTES_PER_NODE + 4),
        children: Vec::new(),
        keys: Vec::new(),
        differs: false,
        rewritten: Rewritten::default(),
        fault: NotCanonical::new(NotCanonicalKind::Syntax, 0),
    };
    if let Err(Stop) = sorter.body() {
        return Err(sorter.fault);
    }

    let Sorter {
        compact,
        stack: patches,
        children,
        differs,
        rewritten,
        ..
    } = sorter;
    let compact = compact.finish();
    let text = if patches.is_empty() {
        match compact {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text),
        }
    } else {
        Some(print::print(&compact, &patches, &children))
    };
    Ok(Canonical {
        text,
        differs,
        rewritten,
    })
}

impl Sorter<'_> {
    /// Returns the byte at `at`. `None` at the end of the body.
    #[inline]
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.source.get(at).copied()
    }

    /// Makes the stop for a fault at `at`.
    #[cold]
    pub(super) fn stop(&mut self, kind: NotCanonicalKind, at: usize) -> Stop {
        self.fault = NotCanonical::new(kind, at);
        Stop
    }

    /// Makes the stop for a byte that the grammar does not allow at `at`, or for the end of the
    /// body.
    #[cold]
    pub(super) fn unexpected(&mut self, at: usize) -> Stop {
        let kind = if at < self.source.len() {
            NotCanonicalKind::Syntax
        } else {
            NotCanonicalKind::Truncated
        };
        self.stop(kind, at)
    }

    /// Reads the next byte, which must be `byte`.
    #[inline]
    pub(super) fn expect(&mut self, at: usize, byte: u8) -> Result<usize, Stop> {
        if self.byte(at) == Some(byte) {
            Ok(at + 1)
        } else {
            Err(self.unexpected(at))
        }
    }

    /// Reads whitespace, if there is any, and leaves it out of the compact text.
    #[inline]
    pub(super) fn whitespace(&mut self, at: usize) -> usize {
        match self.byte(at) {
            Some(0..=b' ') => self.skip(at),
            _ => at,
        }
    }

    #[inline(never)]
    fn skip(&mut self, start: usize) -> usize {
        let mut at = start;
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte(at) {
            at += 1;
        }
        if at > start {
            self.rewritten.whitespace = true;
            self.compact.replace(start, at, b"");
        }
        at
    }

    fn body(&mut self) -> Result<(), Stop> {
        let at = self.whitespace(0);
        let at = self.value(at, 0, false)?;
        let at = self.whitespace(at);
        if at < self.source.len() {
            return Err(self.unexpected(at));
        }
        Ok(())
    }

    /// Reads a value inside of `depth` objects and arrays.
    #[inline]
    pub(super) fn value(&mut self, at: usize, depth: usize, in_array: bool) -> Result<usize, Stop> {
        match self.byte(at) {
            Some(b'"') => self.string(at),
            Some(b'-' | b'0'..=b'9') => self.number(at),
            Some(b't') => self.literal(at, b"true"),
            Some(b'f') => self.literal(at, b"false"),
            Some(b'n') => self.literal(at, b"null"),
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(self.stop(NotCanonicalKind::TooDeep, at)),
            Some(b'{') => self.object(at, depth + 1, in_array),
            Some(b'[') => self.array(at, depth + 1),
            _ => Err(self.unexpected(at)),
        }
    }

    fn array(&mut self, at: usize, depth: usize) -> Result<usize, Stop> {
        let mut at = self.whitespace(at + 1);
        if self.byte(at) == Some(b']') {
            return Ok(at + 1);
        }
        loop {
            at = self.value(at, depth, true)?;
            at = self.whitespace(at);
            match self.byte(at) {
                Some(b',') => at = self.whitespace(at + 1),
                Some(b']') => return Ok(at + 1),
                _ => return Err(self.unexpected(at)),
            }
        }
    }

    fn literal(&mut self, mut at: usize, literal: &[u8]) -> Result<usize, Stop> {
        for &byte in literal {
            at = self.expect(at, byte)?;
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MAX_DEPTH, Sorting, canonical};

    #[test]
    fn a_body_that_json_parse_rejects_is_refused() {
        for text in [
            "{]",
            "[}",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "[,]",
            "{\"a\"}",
            "{\"a\" 1}",
            "{a:1}",
            "{1:1}",
            "1 2",
            "[1 2]",
            "tru",
            "truE",
            "nul",
            "nulll",
            "undefined",
            "[1]]",
            "\u{b}1",
            "\u{a0}1",
            "//1",
            "\0",
            "{\"a\":}",
            "{\"a\":1 \"b\":2}",
        ] {
            assert!(
                canonical(text.as_bytes(), Sorting::OutsideArrays).is_err(),
                "{text}"
            );
        }
        assert!(
            canonical(b"\"\xff\"", Sorting::OutsideArrays)
                .unwrap_err()
                .is_not_utf8()
        );
        // A surrogate, which UTF-8 cannot encode.
        assert!(
            canonical(b"\"\xed\xa0\x80\"", Sorting::OutsideArrays)
                .unwrap_err()
                .is_not_utf8()
        );
        assert!(
            canonical(b"\xef\xbb\xbf1", Sorting::OutsideArrays)
                .unwrap_err()
                .is_byte_order_mark()
        );
    }

    #[test]
    fn every_proper_prefix_of_a_body_is_truncated() {
        let body = r#"{"a":[true,null,{"é\u00e9\n":1.5e3}],"b":"x"}"#;
        for (end, _) in body.char_indices() {
            let error = canonical(&body.as_bytes()[..end], Sorting::OutsideArrays).unwrap_err();
            assert!(error.is_truncated(), "{}: {error}", &body[..end]);
        }
        assert!(canonical(body.as_bytes(), Sorting::OutsideArrays).is_ok());
    }

    #[test]
    fn the_depth_is_limited() {
        for (open, close) in [("[", "]"), ("{\"b\":1,\"a\":", "}")] {
            let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for sorting in [Sorting::OutsideArrays, Sorting::Everywhere] {
                assert!(canonical(nested(MAX_DEPTH).as_bytes(), sorting).is_ok());
                let error = canonical(nested(MAX_DEPTH + 1).as_bytes(), sorting).unwrap_err();
                assert!(error.is_limit());
                assert!(
                    canonical(nested(1_000_000).as_bytes(), sorting)
                        .unwrap_err()
                        .is_limit()
                );
            }
        }
    }
}
