//! Whether a parameter fits the events of its handler, found while compiling.

use crate::event::{FAMILY, Family, NAMES, RUST_NAMES};
use crate::router::{Fault, Selector};

/// Which events a payload type can hold.
#[derive(Clone, Copy, Debug)]
pub enum Payload {
    /// One event, by its position in the table.
    Event(u16),
    /// All of a family.
    Family(Family),
    /// Everything.
    Any,
}

/// What a parameter asks for.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// The event that it holds, if it holds one.
    pub payload: Option<Payload>,
    /// The database whose transaction it is, if it is one.
    pub transaction: Option<&'static str>,
}

/// What is wrong with a parameter in this position of a handler of these events.
// Not generic over the parameter: rustc would show this function to whoever gives it a type that is none.
pub const fn check_param(needs: Needs, position: usize, on: &[Selector]) -> Option<Fault> {
    let Some(payload) = needs.payload else { return None };
    if position > 0 {
        return Some(Fault::new().add("a handler takes its event first, and only one"));
    }
    if all_fit(payload, on) {
        return None;
    }
    let fault = name(Fault::new().add("this handler is for "), on);
    let fault = payload_name(fault.add(", and "), payload).add(": take ");
    Some(code(fault, wanted(on)))
}

/// The transaction that is taken, if one is; more than one is a fault.
// It is called in constants alone, where a large value costs nothing.
#[expect(clippy::result_large_err)]
pub const fn one_transaction(params: &[Option<&'static str>]) -> Result<Option<&'static str>, Fault> {
    let mut one = None;
    let mut index = 0;
    while index < params.len() {
        if params[index].is_some() {
            if one.is_some() {
                return Err(Fault::new().add("a handler takes one transaction: there is one commit"));
            }
            one = params[index];
        }
        index += 1;
    }
    Ok(one)
}

const fn all_fit(payload: Payload, on: &[Selector]) -> bool {
    let mut index = 0;
    while index < on.len() {
        if !fits(payload, &on[index]) {
            return false;
        }
        index += 1;
    }
    true
}

const fn fits(payload: Payload, selector: &Selector) -> bool {
    let (first, end) = match selector {
        Selector::Broken => return true,
        Selector::Exact(index) => (*index, *index + 1),
        Selector::Pattern { first, end, .. } => (*first, *end),
        Selector::Unlisted(name) => {
            return match payload {
                Payload::Any => true,
                Payload::Event(_) => false,
                Payload::Family(family) => same(family, Family::of_unlisted(name)),
            };
        }
    };
    match payload {
        Payload::Any => true,
        Payload::Event(index) => index == first && matches!(selector, Selector::Exact(_)),
        Payload::Family(family) => {
            let mut index = first as usize;
            while index < end as usize {
                if !same(FAMILY[index], family) {
                    return false;
                }
                index += 1;
            }
            // Beyond the table, `*` takes bodies that are no event at all.
            !matches!(selector, Selector::Pattern { prefix, .. } if prefix.is_empty())
        }
    }
}

/// The narrowest type that holds all of these events.
const fn wanted(on: &[Selector]) -> &'static str {
    if let [Selector::Exact(index)] = on {
        return RUST_NAMES[*index as usize];
    }
    if all_fit(Payload::Family(Family::Connection), on) {
        return Family::Connection.payload_type();
    }
    if all_fit(Payload::Family(Family::Resource), on) {
        return Family::Resource.payload_type();
    }
    "AnyEvent"
}

const fn same(a: Family, b: Family) -> bool {
    a as u8 == b as u8
}

/// "`a`, `b` and 3 more"
const fn name(mut fault: Fault, on: &[Selector]) -> Fault {
    const SHOWN: usize = 3;
    let mut index = 0;
    while index < on.len() && index < SHOWN {
        if index > 0 {
            fault = fault.add(", ");
        }
        fault = match &on[index] {
            Selector::Exact(event) => code(fault, NAMES[*event as usize]),
            Selector::Unlisted(name) => code(fault, name),
            Selector::Pattern { prefix, .. } => fault.add("`").add(prefix).add("*`"),
            Selector::Broken => fault,
        };
        index += 1;
    }
    if on.len() > SHOWN {
        fault.add(" and more")
    } else {
        fault
    }
}

const fn payload_name(fault: Fault, payload: Payload) -> Fault {
    match payload {
        Payload::Event(index) => {
            let fault = code(fault, RUST_NAMES[index as usize]).add(" holds ");
            code(fault, NAMES[index as usize]).add(" only")
        }
        Payload::Family(Family::Connection) => fault.add("`ConnectionEvent` holds events of Vault only"),
        Payload::Family(Family::Resource) => {
            fault.add("`ResourceEvent` holds events of the other APIs than Vault only")
        }
        Payload::Any => fault,
    }
}

const fn code(fault: Fault, text: &str) -> Fault {
    fault.add("`").add(text).add("`")
}
