//! What can be wrong with a list of handlers, found while compiling.

use super::{Entry, Fault, Selector};
use crate::event::{API, COUNT, NAMES};

/// Whether the handler in this position is for an event that an earlier one is for just as exactly.
pub const fn conflict(entries: &[Entry], position: u16) -> Option<Fault> {
    let this = entries[position as usize];
    let mut earlier = 0;
    while earlier < position as usize {
        let other = entries[earlier];
        if equal(this.name, other.name) && !is_broken(this.on) {
            return Some(Fault::new().add("`").add(this.name).add("` is listed twice"));
        }
        if let Some(shared) = shared(this.on, other.on) {
            let fault = Fault::new()
                .add("two handlers for `")
                .add(shared.0)
                .add(shared.1)
                .add("`: `");
            return Some(
                fault
                    .add(other.name)
                    .add("` and `")
                    .add(this.name)
                    .add("`; keep one, or give each events of its own"),
            );
        }
        earlier += 1;
    }
    None
}

/// The text of an entry that stands in both lists. Two patterns of equal length that overlap are the same pattern.
const fn shared(a: &[Selector], b: &[Selector]) -> Option<(&'static str, &'static str)> {
    let mut i = 0;
    while i < a.len() {
        let mut j = 0;
        while j < b.len() {
            match (&a[i], &b[j]) {
                (Selector::Exact(a), Selector::Exact(b)) if *a == *b => {
                    return Some((NAMES[*a as usize], ""));
                }
                (Selector::Pattern { prefix, .. }, Selector::Pattern { prefix: other, .. })
                    if equal(prefix, other) =>
                {
                    return Some((prefix, "*"));
                }
                (Selector::Unlisted(name), Selector::Unlisted(other)) if equal(name, other) => {
                    return Some((name, ""));
                }
                _ => {}
            }
            j += 1;
        }
        i += 1;
    }
    None
}

/// Which events have no handler, of the APIs that some handler is for.
pub const fn gap(entries: &[Entry]) -> Option<Fault> {
    let mut handled = [false; COUNT];
    // There are fewer APIs than events.
    let mut apis = [false; COUNT];
    let mut entry = 0;
    while entry < entries.len() {
        let on = entries[entry].on;
        if is_broken(on) {
            return None;
        }
        let mut event = 0;
        while event < COUNT {
            let mut selector = 0;
            while selector < on.len() {
                if on[selector].rank(event as u16).is_some() {
                    handled[event] = true;
                    apis[API[event] as usize] = true;
                }
                selector += 1;
            }
            event += 1;
        }
        entry += 1;
    }
    let mut fault = Fault::new().add("no handler for ");
    let mut missing = 0;
    let mut event = 0;
    while event < COUNT {
        if apis[API[event] as usize] && !handled[event] {
            if missing < SHOWN {
                fault = fault
                    .add(if missing > 0 { ", `" } else { "`" })
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
