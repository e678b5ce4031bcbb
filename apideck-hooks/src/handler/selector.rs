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

impl Selector {
    /// The events that it is for, by their position in the table: the first, and the one after the last.
    // Ranges are walked, not asked event by event: the compiler interprets this for every list.
    pub(crate) const fn range(&self) -> (usize, usize) {
        match self {
            Selector::Exact(index) => (*index as usize, *index as usize + 1),
            Selector::Pattern { first, end, .. } => (*first as usize, *end as usize),
            Selector::Unlisted(_) | Selector::Broken => (0, 0),
        }
    }

    /// How exactly it is for them: the length of what it spells out.
    pub(crate) const fn rank(&self) -> usize {
        match self {
            Selector::Pattern { prefix, .. } => prefix.len(),
            _ => usize::MAX,
        }
    }

    /// The rank for a name that is not in the table.
    pub(crate) fn rank_unlisted(&self, name: &str) -> Option<usize> {
        match self {
            Selector::Unlisted(unlisted) if *unlisted == name => Some(self.rank()),
            Selector::Pattern { prefix, .. } if name.starts_with(prefix) => Some(self.rank()),
            _ => None,
        }
    }
}
