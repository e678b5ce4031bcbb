//! Which text of a body is signed.

use super::canonical::Form;

/// A text that Apideck may sign, made from the body alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Text {
    /// The body as it came. Source: Apideck's webhook reference.
    Raw,
    /// The body printed again by JavaScript with the keys of its objects sorted, arrays as they were. Source: the sample
    /// in Apideck's guide to webhook signatures.
    Sorted,
    /// The same with the keys of objects inside arrays sorted too: the guide's words ("all objects, recursively")
    /// without its sample.
    SortedInArrays,
}

impl Text {
    pub(super) const ALL: [Self; 3] = [Self::Raw, Self::Sorted, Self::SortedInArrays];

    pub(super) fn form(self) -> Option<Form> {
        match self {
            Self::Raw => None,
            Self::Sorted => Some(Form::Sorted),
            Self::SortedInArrays => Some(Form::SortedInArrays),
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
pub enum Texts {
    /// Every [`Text`].
    #[default]
    All,
    /// Only [`Text::Raw`].
    RawOnly,
    /// Only [`Text::Sorted`] and [`Text::SortedInArrays`].
    SortedOnly,
}

impl Texts {
    /// Whether a signature of `text` is accepted.
    pub fn allow(self, text: Text) -> bool {
        match self {
            Self::All => true,
            Self::RawOnly => text == Text::Raw,
            Self::SortedOnly => text != Text::Raw,
        }
    }
}
