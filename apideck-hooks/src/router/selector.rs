//! What a handler is for.

/// One entry of a handler's list, resolved against the table by `#[on]`.
#[derive(Clone, Copy, Debug)]
pub enum Selector {
    /// An event, by its position in the table.
    Exact(u16),
    /// All names that start so: `first..end` in the table, and those that are not in it yet.
    Pattern {
        /// The pattern without its star.
        prefix: &'static str,
        /// Position of the first event that it matches.
        first: u16,
        /// Position after the last.
        end: u16,
    },
    /// A name that the table does not have.
    Unlisted(&'static str),
    /// The attribute was in error, which has been reported: anything, without a word.
    Broken,
}

/// A handler in `router![…]`.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its path, as it was written.
    pub name: &'static str,
    /// Its events.
    pub on: &'static [Selector],
    /// The database whose transaction it takes, if it takes one.
    pub transaction: Option<&'static str>,
}

impl Selector {
    /// Whether it is for the event in this position of the table, and how exactly: the length of what it spells out.
    pub(crate) const fn rank(&self, index: u16) -> Option<usize> {
        match self {
            Selector::Exact(exact) if *exact == index => Some(usize::MAX),
            Selector::Pattern { prefix, first, end } if *first <= index && index < *end => Some(prefix.len()),
            _ => None,
        }
    }

    /// The same for a name that is not in the table.
    pub(crate) fn rank_unlisted(&self, name: &str) -> Option<usize> {
        match self {
            Selector::Unlisted(unlisted) if *unlisted == name => Some(usize::MAX),
            Selector::Pattern { prefix, .. } if name.starts_with(prefix) => Some(prefix.len()),
            _ => None,
        }
    }
}
