//! The events of a handler.

/// One entry of an `#[on]`, resolved against the table.
#[derive(Clone, Copy, Debug)]
pub enum Selector {
    /// A listed event, by its index in the table.
    Exact(u16),
    /// All names with a prefix: the range `first..end` of the table, and names that are not in the
    /// table.
    Pattern {
        /// The pattern without its `*`.
        prefix: &'static str,
        /// The index of the first event.
        first: u16,
        /// The index after the last event.
        end: u16,
    },
    /// A name that the table does not have.
    Unlisted(&'static str),
    /// An attribute with an error, which was reported. It fits everything.
    Broken,
}

impl Selector {
    /// Returns its events as indices in the table: the first, and the one after the last.
    // A range, because a test of each event would be slow: the compiler interprets the callers for
    // every list.
    pub(crate) const fn range(&self) -> (usize, usize) {
        match self {
            Self::Exact(index) => (*index as usize, *index as usize + 1),
            Self::Pattern { first, end, .. } => (*first as usize, *end as usize),
            Self::Unlisted(_) | Self::Broken => (0, 0),
        }
    }

    /// Returns the rank. The handler with the highest rank gets an event: an exact name beats a
    /// pattern, and a longer pattern beats a shorter one.
    pub(crate) const fn rank(&self) -> usize {
        match self {
            Self::Pattern { prefix, .. } => prefix.len(),
            _ => usize::MAX,
        }
    }

    /// Returns the rank for a name that is not in the table. `None` if the name does not match.
    pub(crate) fn rank_unlisted(&self, name: &str) -> Option<usize> {
        match self {
            Self::Unlisted(unlisted) if *unlisted == name => Some(self.rank()),
            Self::Pattern { prefix, .. } if name.starts_with(prefix) => Some(self.rank()),
            _ => None,
        }
    }
}
