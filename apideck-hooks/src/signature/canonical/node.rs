//! The changes of the compact text, as a tree.
//!
//! # How it works
//!
//! A *patch* is an object that is not printed as it is in the compact text. Its children are the
//! members to print in its place. The children of a member are the patches in its value. So patches
//! and members alternate on the way down the tree, and every node is a span of the compact text.
//!
//! For example, `{"b":[1,2],"a":{"d":3,"c":4}}` is one patch with the members `a` and `b`. `b` has
//! no children and is printed as it is. `a` has one patch with the members `c` and `d`.

use std::ops::Range;

use super::member_key::MemberKey;

/// A member of an object, or a patch.
#[derive(Clone, Copy)]
pub(super) struct Node {
    /// The key of a member. A patch has [`MemberKey::NONE`].
    pub(super) key: MemberKey,
    /// The beginning of the span in the compact text. A member's span begins with the quote of its
    /// key, and a patch's span with its brace.
    pub(super) start: u32,
    /// The end of the span.
    pub(super) end: u32,
    pub(super) children: Children,
}

/// The children of a node: a range of `Sorter::children`.
#[derive(Clone, Copy)]
pub(super) struct Children {
    pub(super) first: u32,
    pub(super) count: u32,
}

impl Node {
    pub(super) fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Children {
    pub(super) const NONE: Self = Self { first: 0, count: 0 };

    pub(super) fn range(self) -> Range<usize> {
        let first = self.first as usize;
        first..first + self.count as usize
    }
}
