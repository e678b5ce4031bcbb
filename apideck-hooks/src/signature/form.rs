//! Which text of a body is signed.

use super::canonical::Sorting;

/// A text that Apideck may sign, made from the body alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// The body as it came. Source: Apideck's webhook reference.
    Raw,
    /// The body printed again by JavaScript with the keys of its objects sorted, arrays as they were. Source: the sample
    /// in Apideck's guide to webhook signatures.
    Sorted,
    /// The same with the keys of objects inside arrays sorted too: the guide's words ("all objects, recursively")
    /// without its sample.
    SortedInArrays,
}

impl Form {
    pub(super) const ALL: [Self; 3] = [Self::Raw, Self::Sorted, Self::SortedInArrays];

    pub(super) fn sorting(self) -> Option<Sorting> {
        match self {
            Self::Raw => None,
            Self::Sorted => Some(Sorting::OutsideArrays),
            Self::SortedInArrays => Some(Sorting::Everywhere),
        }
    }

    /// A short name for logs and metrics: `raw`, `sorted` or `sorted_in_arrays`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Sorted => "sorted",
            Self::SortedInArrays => "sorted_in_arrays",
        }
    }
}

/// Which texts a [`Verifier`](super::Verifier) accepts a signature of.
///
/// Apideck's documents disagree on what is signed, so the default is to accept all of them. That weakens nothing: each is
/// a text fixed by the body, and is signed with the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Forms {
    /// Every [`Form`].
    #[default]
    All,
    /// Only [`Form::Raw`].
    RawOnly,
    /// Only [`Form::Sorted`] and [`Form::SortedInArrays`].
    SortedOnly,
}

impl Forms {
    /// Whether a signature of `form` is accepted.
    pub fn allow(self, form: Form) -> bool {
        match self {
            Self::All => true,
            Self::RawOnly => form == Form::Raw,
            Self::SortedOnly => form != Form::Raw,
        }
    }
}
