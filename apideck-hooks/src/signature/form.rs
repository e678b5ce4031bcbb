//! The forms of a body that Apideck may sign.

use super::canonical::Sorting;

/// A form of a body that Apideck may sign. Each form is computed from the body alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// The body as received.
    ///
    /// Source: Apideck's webhook reference.
    Raw,
    /// The body parsed and printed again by JavaScript, with sorted keys. Arrays are left as they
    /// are, including the objects inside them.
    ///
    /// Source: the code sample in Apideck's guide to webhook signatures.
    Sorted,
    /// The same as [`Sorted`](Self::Sorted), with the keys of objects inside arrays sorted too.
    ///
    /// Source: the prose of the same guide, which sorts the keys of all objects recursively.
    SortedInArrays,
}

impl Form {
    /// All forms, each at the position of its discriminant.
    pub(super) const ALL: [Self; 3] = [Self::Raw, Self::Sorted, Self::SortedInArrays];

    /// Returns a short name for logs and metrics: `raw`, `sorted` or `sorted_in_arrays`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Sorted => "sorted",
            Self::SortedInArrays => "sorted_in_arrays",
        }
    }

    /// Returns the objects that this form sorts. `None` for the raw form.
    pub(crate) fn sorting(self) -> Option<Sorting> {
        match self {
            Self::Raw => None,
            Self::Sorted => Some(Sorting::OutsideArrays),
            Self::SortedInArrays => Some(Sorting::Everywhere),
        }
    }
}

/// The forms that a [`Verifier`](super::Verifier) accepts.
///
/// Apideck's documents disagree on the signed form, so the default accepts all of them. This
/// weakens nothing, because each form is determined by the body and signed with the same key.
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
    /// Returns `true` if a signature of `form` is accepted.
    pub fn allow(self, form: Form) -> bool {
        match self {
            Self::All => true,
            Self::RawOnly => form == Form::Raw,
            Self::SortedOnly => form != Form::Raw,
        }
    }
}
