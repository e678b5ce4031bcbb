//! The sorted text from the plain text and its patches.

use super::member::Member;

/// Prints `plain` with `patches` in the places of the objects they stand for.
pub(super) fn print(plain: &[u8], patches: &[Member], closed: &[Member]) -> Vec<u8> {
    // Members may be dropped, but none is printed twice: this is the length or a little more.
    let mut printer = Printer {
        plain,
        closed,
        text: Vec::with_capacity(plain.len()),
    };
    printer.span(0, plain.len(), patches);
    printer.text
}

/// Pieces up to this length are copied by as many bytes as this, of which the rest is dropped again: that is faster than
/// to copy just so many.
const CHUNK: usize = 64;

struct Printer<'a> {
    plain: &'a [u8],
    closed: &'a [Member],
    text: Vec<u8>,
}

impl Printer<'_> {
    /// Prints a piece of the plain text. This goes as deep as the body is nested.
    fn span(&mut self, mut start: usize, end: usize, patches: &[Member]) {
        for patch in patches {
            let object = patch.span();
            self.text.extend_from_slice(&self.plain[start..object.start]);
            self.text.push(b'{');
            let members = &self.closed[patch.children()];
            for member in members {
                let piece = member.span();
                if member.count == 0 {
                    // With the comma or the brace after it, which there always is.
                    self.piece(piece.start, piece.end + 1);
                    if let Some(after) = self.text.last_mut() {
                        *after = b',';
                    }
                } else {
                    self.span(piece.start, piece.end, &self.closed[member.children()]);
                    self.text.push(b',');
                }
            }
            match self.text.last_mut() {
                Some(comma) if !members.is_empty() => *comma = b'}',
                _ => self.text.push(b'}'),
            }
            start = object.end;
        }
        self.text.extend_from_slice(&self.plain[start..end]);
    }

    #[inline]
    fn piece(&mut self, start: usize, end: usize) {
        let length = self.text.len() + (end - start);
        match self.plain[start..].first_chunk::<CHUNK>() {
            Some(chunk) if end - start <= CHUNK && self.text.len() + CHUNK <= self.text.capacity() => {
                self.text.extend_from_slice(chunk);
                self.text.truncate(length);
            }
            _ => self.text.extend_from_slice(&self.plain[start..end]),
        }
    }
}
