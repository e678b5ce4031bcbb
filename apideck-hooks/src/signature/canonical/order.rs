//! The order in which an object's members are printed.
//!
//! # How it works
//!
//! There are two orders. `sort_members` gives the order of a sorted object: by key, and of equal
//! keys only the last member.
//!
//! `order_as_parsed` gives the order of an object that is parsed and printed but not sorted, which
//! happens inside arrays. JavaScript prints array indices first, in numeric order. The other keys
//! follow in the order of their first occurrence, each with its last value.
//!
//! Both sort by key and then by position, so that equal keys are neighbours and the last one is
//! found. `order_as_parsed` then changes each rank to the position of the key's first occurrence,
//! and sorts by the ranks. Array indices keep their ranks, which are smaller than all others.

use std::cmp::Ordering;

use super::{node::Node, sorter::Sorter};

/// The number of members up to which insertion sort is used. It is the fastest for few elements,
/// and the objects of Apideck's events have few members.
const INSERTION_SORT: usize = 20;

impl Sorter<'_> {
    /// Sorts the members from `base` on. Of equal keys only the last member is kept.
    pub(super) fn sort_members(&mut self, base: usize) {
        self.sort_by_key(base);
        let Self {
            stack, source, keys, ..
        } = self;
        let mut kept = base;
        for next in base + 1..stack.len() {
            if stack[kept].key.compare(&stack[next].key, source, keys) == Ordering::Less {
                kept += 1;
            }
            stack[kept] = stack[next];
        }
        stack.truncate(kept + 1);
    }

    /// Puts the members from `base` on in the order of an object that is parsed and not sorted.
    /// Returns `true` if that changes the object.
    pub(super) fn order_as_parsed(&mut self, base: usize) -> bool {
        let count = self.stack.len();
        self.sort_by_key(base);
        let Self {
            stack, source, keys, ..
        } = self;
        // An object with an array index counts as changed, because the index may have moved.
        let mut changed = stack[base].key.is_index();
        let mut kept = base;
        let mut first = stack[base].start;
        for next in base + 1..stack.len() {
            if stack[kept].key.compare(&stack[next].key, source, keys) == Ordering::Less {
                stack[kept].key.rank_by_position(first);
                kept += 1;
                first = stack[next].start;
            }
            stack[kept] = stack[next];
        }
        stack[kept].key.rank_by_position(first);
        stack.truncate(kept + 1);
        changed |= stack.len() < count;
        stack[base..].sort_unstable_by(|one, other| one.key.compare_ranks(&other.key));
        changed
    }

    /// Sorts the members from `base` on by key, and members with equal keys by position.
    fn sort_by_key(&mut self, base: usize) {
        let Self {
            stack, source, keys, ..
        } = self;
        let members = &mut stack[base..];
        if members.len() > INSERTION_SORT {
            members.sort_unstable_by(|one, other| {
                let order = one.key.compare(&other.key, source, keys);
                order.then(one.start.cmp(&other.start))
            });
            return;
        }
        for next in 1..members.len() {
            let member = members[next];
            let after = |other: &Node| other.key.compare(&member.key, source, keys) == Ordering::Greater;
            let mut at = next;
            while at > 0 && after(&members[at - 1]) {
                members[at] = members[at - 1];
                at -= 1;
            }
            members[at] = member;
        }
    }
}
