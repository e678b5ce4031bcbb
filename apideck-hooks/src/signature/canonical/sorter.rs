//! The one pass over a body.

use super::{
    Canonical, MAX_BYTES, MAX_DEPTH, Rewritten, Sorting,
    error::{NotCanonical, NotCanonicalKind, Stop},
    member::Member,
    print,
    text::Plain,
};

/// Bytes of a body for each member of its objects, in bodies of which memory is taken at once. Apideck's have 38.
pub(super) const USUAL_MEMBER: usize = 32;

/// A body that is being read.
///
/// What reads a token takes the position where it begins and gives back the one after it. The position is no field, because
/// each token waits for the one before it: it has to stay in a register.
pub(super) struct Sorter<'a> {
    /// The body: UTF-8.
    pub(super) source: &'a [u8],
    pub(super) sorting: Sorting,
    /// Whether `source` has nothing but ASCII, so that keys need no second look.
    pub(super) ascii: bool,
    pub(super) plain: Plain<'a>,
    /// The members read so far of every open object, and the patches of the value that is being read.
    pub(super) open: Vec<Member>,
    /// The members of every patch and the patches of every member, in the order in which they are printed.
    pub(super) closed: Vec<Member>,
    /// The decoded keys that could not be compared in the source.
    pub(super) keys: Vec<u8>,
    pub(super) differs: bool,
    pub(super) rewritten: Rewritten,
    /// Why reading stopped, if it did.
    fault: NotCanonical,
}

pub(super) fn sort(source: &[u8], sorting: Sorting) -> Result<Canonical, NotCanonical> {
    if source.len() > MAX_BYTES {
        return Err(NotCanonical::new(NotCanonicalKind::Long, MAX_BYTES));
    }
    let ascii = source.is_ascii();
    if !ascii && let Err(error) = str::from_utf8(source) {
        return Err(NotCanonical::new(NotCanonicalKind::Utf8, error.valid_up_to()));
    }
    if source.starts_with("\u{feff}".as_bytes()) {
        return Err(NotCanonical::new(NotCanonicalKind::Mark, 0));
    }
    let mut sorter = Sorter {
        source,
        sorting,
        ascii,
        plain: Plain::new(source),
        open: Vec::with_capacity(source.len() / USUAL_MEMBER + 4),
        closed: Vec::new(),
        keys: Vec::new(),
        differs: false,
        rewritten: Rewritten::default(),
        fault: NotCanonical::new(NotCanonicalKind::Syntax, 0),
    };
    if let Err(Stop) = sorter.body() {
        return Err(sorter.fault);
    }

    let Sorter {
        plain,
        open: patches,
        closed,
        differs,
        rewritten,
        ..
    } = sorter;
    let plain = plain.finish();
    let text = if patches.is_empty() {
        match plain {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(text) => Some(text),
        }
    } else {
        Some(print::print(&plain, &patches, &closed))
    };
    Ok(Canonical {
        text,
        differs,
        rewritten,
    })
}

impl Sorter<'_> {
    fn body(&mut self) -> Result<(), Stop> {
        let at = self.whitespace(0);
        let at = self.value(at, 0, false)?;
        let at = self.whitespace(at);
        if at < self.source.len() {
            return Err(self.unexpected(at));
        }
        Ok(())
    }

    /// The byte at `at`.
    #[inline]
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.source.get(at).copied()
    }

    /// Stops because of what is at `at`.
    #[cold]
    pub(super) fn stop(&mut self, kind: NotCanonicalKind, at: usize) -> Stop {
        self.fault = NotCanonical::new(kind, at);
        Stop
    }

    /// Stops because what is at `at` does not belong there.
    #[cold]
    pub(super) fn unexpected(&mut self, at: usize) -> Stop {
        let kind = if at < self.source.len() {
            NotCanonicalKind::Syntax
        } else {
            NotCanonicalKind::End
        };
        self.stop(kind, at)
    }

    /// Steps over `byte`, which has to be next.
    #[inline]
    pub(super) fn expect(&mut self, at: usize, byte: u8) -> Result<usize, Stop> {
        if self.byte(at) == Some(byte) {
            Ok(at + 1)
        } else {
            Err(self.unexpected(at))
        }
    }

    /// Steps over whitespace, which does not get into the plain text.
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
            self.plain.replace(start, at, b"");
        }
        at
    }

    /// Reads a value that is `depth` containers deep.
    #[inline]
    pub(super) fn value(&mut self, at: usize, depth: usize, in_array: bool) -> Result<usize, Stop> {
        match self.byte(at) {
            Some(b'"') => self.string(at),
            Some(b'-' | b'0'..=b'9') => self.number(at),
            Some(b't') => self.literal(at, b"true"),
            Some(b'f') => self.literal(at, b"false"),
            Some(b'n') => self.literal(at, b"null"),
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(self.stop(NotCanonicalKind::Deep, at)),
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
    fn what_json_parse_refuses_is_refused() {
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
        // A surrogate, written as UTF-8 never is.
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
    fn every_beginning_of_a_body_is_called_truncated() {
        let body = r#"{"a":[true,null,{"é\u00e9\n":1.5e3}],"b":"x"}"#;
        for (end, _) in body.char_indices() {
            let error = canonical(&body.as_bytes()[..end], Sorting::OutsideArrays).unwrap_err();
            assert!(error.is_truncated(), "{}: {error}", &body[..end]);
        }
        assert!(canonical(body.as_bytes(), Sorting::OutsideArrays).is_ok());
    }

    #[test]
    fn depth_is_limited() {
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
