//! The checks of a list of handlers.
//!
//! # How it works
//!
//! `router!` generates a constant for each check, and the compiler evaluates it. A check that fails
//! panics, and rustc reports the panic at the generated call, which has the span of a path in the
//! list. So each handler has a check of its own.
//!
//! Comparing each handler with all others would make the compiler's time grow with the square of
//! the list. So [`FirstHandlers`] finds the first handler of each exact name once for the list.
//! Patterns and unlisted names are few, and are searched.
//!
//! The checks are functions and not methods, because looking up a method costs the compiler more. A
//! constant cannot use iterators or `==` of strings, hence the loops over an index and [`equal`].

use super::entry::Entry;
use crate::event::{API, COUNT, NAMES};
use crate::handler::{Fault, Selector};

/// The maximum number of missing events that an error names. The number of further ones is easier
/// to read than their names.
const MAX_NAMED: usize = 60;

/// The first handler with each exact name, as its position in the list.
#[derive(Debug)]
pub struct FirstHandlers {
    entries: &'static [Entry],
    first: [u16; COUNT],
}

impl FirstHandlers {
    /// Finds the first handlers of a list.
    pub const fn new(entries: &'static [Entry]) -> Self {
        let mut first = [u16::MAX; COUNT];
        let mut position = entries.len();
        while position > 0 {
            position -= 1;
            let selectors = entries[position].handler.selectors;
            let mut selector = 0;
            while selector < selectors.len() {
                if let Selector::Exact(event) = selectors[selector] {
                    first[event as usize] = position as u16;
                }
                selector += 1;
            }
        }
        Self { entries, first }
    }

    const fn conflict(&self, position: u16) -> Option<Fault> {
        let this = self.entries[position as usize];
        let mut selector = 0;
        while selector < this.handler.selectors.len() {
            let selected = &this.handler.selectors[selector];
            let earlier = match selected {
                Selector::Exact(event) => self.first[*event as usize],
                other => first_with(self.entries, other),
            };
            if earlier < position {
                return Some(two_handlers(
                    self.entries[earlier as usize].name,
                    this.name,
                    selected,
                ));
            }
            selector += 1;
        }
        None
    }
}

/// Checks that the handler at this position does not conflict with an earlier one.
///
/// # Panics
///
/// An earlier handler has the same exact name, pattern or unlisted name.
#[track_caller]
pub const fn check_conflict(first_handlers: &FirstHandlers, position: u16) {
    if let Some(fault) = first_handlers.conflict(position) {
        fault.report();
    }
}

/// Checks that an exhaustive list has no gap.
///
/// # Panics
///
/// An event has no handler although another event of its API has one.
#[track_caller]
pub const fn check_gap(entries: &[Entry]) {
    if let Some(fault) = gap(entries) {
        fault.report();
    }
}

const fn two_handlers(earlier: &str, this: &str, selected: &Selector) -> Fault {
    if equal(this, earlier) {
        return Fault::new().add("`").add(this).add("` is listed twice");
    }
    let fault = Fault::new().add("`").add(earlier).add("` and `").add(this);
    let fault = fault.add("` both handle `");
    let fault = match selected {
        Selector::Exact(event) => fault.add(NAMES[*event as usize]),
        Selector::Pattern { prefix, .. } => fault.add(prefix).add("*"),
        Selector::Unlisted(name) => fault.add(name),
        Selector::Broken => fault,
    };
    fault.add("`: remove one, or let them handle different events")
}

/// Returns the position of the first handler with this pattern or unlisted name.
///
/// Equal texts are enough, because two patterns of equal length that overlap are the same pattern.
const fn first_with(entries: &[Entry], wanted: &Selector) -> u16 {
    let mut position = 0;
    while position < entries.len() {
        let selectors = entries[position].handler.selectors;
        let mut selector = 0;
        while selector < selectors.len() {
            match (wanted, &selectors[selector]) {
                (Selector::Pattern { prefix, .. }, Selector::Pattern { prefix: other, .. })
                    if equal(prefix, other) =>
                {
                    return position as u16;
                }
                (Selector::Unlisted(name), Selector::Unlisted(other)) if equal(name, other) => {
                    return position as u16;
                }
                _ => {}
            }
            selector += 1;
        }
        position += 1;
    }
    u16::MAX
}

const fn gap(entries: &[Entry]) -> Option<Fault> {
    let mut handled = [false; COUNT];
    // Longer than needed, because there are fewer APIs than events.
    let mut apis = [false; COUNT];
    let mut entry = 0;
    while entry < entries.len() {
        let selectors = entries[entry].handler.selectors;
        if is_broken(selectors) {
            return None;
        }
        let mut selector = 0;
        while selector < selectors.len() {
            let (mut event, end) = selectors[selector].range();
            while event < end {
                handled[event] = true;
                apis[API[event] as usize] = true;
                event += 1;
            }
            selector += 1;
        }
        entry += 1;
    }
    let mut fault = Fault::new();
    let mut missing = 0;
    let mut event = 0;
    while event < COUNT {
        if apis[API[event] as usize] && !handled[event] {
            if missing < MAX_NAMED {
                fault = fault
                    .add(if missing > 0 { ", `" } else { "no handler for `" })
                    .add(NAMES[event])
                    .add("`");
            }
            missing += 1;
        }
        event += 1;
    }
    if missing == 0 {
        return None;
    }
    if missing > MAX_NAMED {
        fault = fault.add(" and ").add_number(missing - MAX_NAMED).add(" more");
    }
    Some(fault.add(": handle these events, or end the list with `..` to acknowledge all other events"))
}

const fn is_broken(selectors: &[Selector]) -> bool {
    matches!(selectors, [Selector::Broken, ..])
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}
