//! What can be wrong with a list of handlers, found while compiling.

use super::entry::Entry;
use crate::event::{API, COUNT, NAMES};
use crate::handler::{Fault, Selector};

/// Who is the first to name each event exactly, by its position in the list.
#[derive(Debug)]
pub struct FirstHandlers {
    entries: &'static [Entry],
    first: [u16; COUNT],
}

impl FirstHandlers {
    /// Made once for a list, so that its handlers need not be compared with each other.
    pub const fn new(entries: &'static [Entry]) -> Self {
        let mut first = [u16::MAX; COUNT];
        let mut position = entries.len();
        while position > 0 {
            position -= 1;
            let on = entries[position].handler.on;
            let mut selector = 0;
            while selector < on.len() {
                if let Selector::Exact(event) = on[selector] {
                    first[event as usize] = position as u16;
                }
                selector += 1;
            }
        }
        FirstHandlers { entries, first }
    }

    const fn conflict(&self, position: u16) -> Option<Fault> {
        let this = self.entries[position as usize];
        let mut selector = 0;
        while selector < this.handler.on.len() {
            let selected = &this.handler.on[selector];
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

/// The handler in this position must not be for an event that an earlier one is for just as exactly. If it is, that is said where
/// the caller stands.
// No method: there is a call for each handler of a list, and to look for a method takes the compiler longer.
#[track_caller]
pub const fn check_conflict(claims: &FirstHandlers, position: u16) {
    if let Some(fault) = claims.conflict(position) {
        fault.report();
    }
}

const fn two_handlers(earlier: &str, this: &str, selected: &Selector) -> Fault {
    if equal(this, earlier) {
        return Fault::new().add("`").add(this).add("` is listed twice");
    }
    let fault = Fault::new().add("two handlers for `");
    let fault = match selected {
        Selector::Exact(event) => fault.add(NAMES[*event as usize]),
        Selector::Pattern { prefix, .. } => fault.add(prefix).add("*"),
        Selector::Unlisted(name) => fault.add(name),
        Selector::Broken => fault,
    };
    let fault = fault.add("`: `").add(earlier).add("` and `").add(this);
    fault.add("`; keep one, or give each events of its own")
}

/// The first handler with this pattern or unlisted name. Two patterns of equal length that overlap are the same pattern.
const fn first_with(entries: &[Entry], wanted: &Selector) -> u16 {
    let mut position = 0;
    while position < entries.len() {
        let on = entries[position].handler.on;
        let mut selector = 0;
        while selector < on.len() {
            match (wanted, &on[selector]) {
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

/// All events of the APIs that some handler is for must have one. If not, that is said where the caller stands.
#[track_caller]
pub const fn check_gap(entries: &[Entry]) {
    if let Some(fault) = gap(entries) {
        fault.report();
    }
}

const fn gap(entries: &[Entry]) -> Option<Fault> {
    let mut handled = [false; COUNT];
    // There are fewer APIs than events.
    let mut apis = [false; COUNT];
    let mut entry = 0;
    while entry < entries.len() {
        let on = entries[entry].handler.on;
        if is_broken(on) {
            return None;
        }
        let mut selector = 0;
        while selector < on.len() {
            let (mut event, end) = on[selector].range();
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
            if missing < SHOWN {
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
    if missing > SHOWN {
        fault = fault.add(" and ").add_number(missing - SHOWN).add(" more");
    }
    Some(fault.add("; handle them, or end the list with `..` to acknowledge the rest"))
}

/// All of Vault fit; an API with more is more readable as a number.
const SHOWN: usize = 60;

const fn is_broken(on: &[Selector]) -> bool {
    matches!(on, [Selector::Broken, ..])
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
