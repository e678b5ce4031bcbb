//! The sorted text, printed from the compact text and its patches.
//!
//! # How it works
//!
//! The printer copies the compact text up to the first patch, then prints the patch, goes on behind
//! it, and so on. A patch is a brace and its members in their new order. A member without children
//! is copied. A member with children is a span with patches, so it is printed in the same way.
//!
//! A member is copied with the byte after it, which saves a copy of one byte. In the compact text
//! that byte is a comma or a brace. The printer overwrites it with a comma, and the last comma of
//! an object with a brace.

use super::node::Node;

/// Prints `compact` with its patches applied. `children` are the children of all nodes.
pub(super) fn print(compact: &[u8], patches: &[Node], children: &[Node]) -> Vec<u8> {
    let mut printer = Printer {
        compact,
        children,
        // Enough, because members can be dropped and none is printed twice.
        text: Vec::with_capacity(compact.len()),
    };
    printer.print_span(0, compact.len(), patches);
    printer.text
}

/// Pieces up to this length are copied as a chunk of this length, and the excess is cut off. A copy
/// of constant length is faster than a copy of the exact length.
const CHUNK: usize = 64;

struct Printer<'a> {
    compact: &'a [u8],
    children: &'a [Node],
    text: Vec<u8>,
}

impl Printer<'_> {
    /// Prints a span of the compact text. The recursion is as deep as the body is nested.
    fn print_span(&mut self, mut start: usize, end: usize, patches: &[Node]) {
        for patch in patches {
            let object = patch.span();
            self.text.extend_from_slice(&self.compact[start..object.start]);
            self.text.push(b'{');
            let members = &self.children[patch.children.range()];
            for member in members {
                let span = member.span();
                if member.children.count == 0 {
                    self.copy(span.start, span.end + 1);
                    if let Some(after) = self.text.last_mut() {
                        *after = b',';
                    }
                } else {
                    self.print_span(span.start, span.end, &self.children[member.children.range()]);
                    self.text.push(b',');
                }
            }
            match self.text.last_mut() {
                Some(comma) if !members.is_empty() => *comma = b'}',
                _ => self.text.push(b'}'),
            }
            start = object.end;
        }
        self.text.extend_from_slice(&self.compact[start..end]);
    }

    #[inline]
    fn copy(&mut self, start: usize, end: usize) {
        let length = self.text.len() + (end - start);
        match self.compact[start..].first_chunk::<CHUNK>() {
            Some(chunk) if end - start <= CHUNK && self.text.len() + CHUNK <= self.text.capacity() => {
                self.text.extend_from_slice(chunk);
                self.text.truncate(length);
            }
            _ => self.text.extend_from_slice(&self.compact[start..end]),
        }
    }
}
