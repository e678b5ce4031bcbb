//! Whether a parameter fits the events of its handler, found while compiling.

use super::fault::Fault;
use super::selector::Selector;
use crate::event::{COUNT, FAMILY, Family, NAMES, RUST_NAMES};

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
pub enum Needs {
    /// Nothing that could be wrong.
    Nothing,
    /// To hold the handler's events.
    Payload(Payload),
    /// A transaction of this database.
    Transaction(&'static str),
}

/// What a handler is for, and what it takes.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    pub(crate) on: &'static [Selector],
    /// The database whose transaction it takes, if it takes one.
    pub(crate) transaction: Option<&'static str>,
}

// What follows are functions, not methods: they are called for each handler, and to look for a method takes the compiler longer.

/// After an error, which has been reported: anything goes, without a word.
pub const BROKEN: Handler = several(&[Selector::Broken]);

/// For one event, by its position in the table; it takes nothing yet.
// From a table here, so that the compiler need not make one for each handler.
pub const fn one(event: u16) -> Handler {
    const ALL: &[Selector; COUNT] = &{
        let mut all = [Selector::Broken; COUNT];
        let mut event = 0;
        while event < COUNT {
            all[event] = Selector::Exact(event as u16);
            event += 1;
        }
        all
    };
    several(std::slice::from_ref(&ALL[event as usize]))
}

/// For these events; it takes nothing yet.
pub const fn several(on: &'static [Selector]) -> Handler {
    Handler {
        on,
        transaction: None,
    }
}

/// With a first parameter that needs this. That it does not fit the events is said where the caller stands.
// Not generic over the parameter: rustc would show this function to whoever gives it a type that is none.
#[track_caller]
pub const fn takes(handler: Handler, needs: Needs) -> Handler {
    if let Needs::Payload(payload) = needs {
        if !all_fit(payload, handler.on) {
            misfit(payload, handler.on).report();
        }
        return handler;
    }
    and(handler, needs)
}

/// With a further parameter that needs this. What is wrong with it is said where the caller stands.
#[track_caller]
pub const fn and(mut handler: Handler, needs: Needs) -> Handler {
    if let Needs::Transaction(database) = check_further(needs) {
        if handler.transaction.is_some() {
            Fault::new()
                .add("a handler takes one transaction: there is one commit")
                .report();
        }
        handler.transaction = Some(database);
    }
    handler
}

/// What a further parameter needs. That it is an event is said where the caller stands.
#[track_caller]
pub const fn check_further(needs: Needs) -> Needs {
    if let Needs::Payload(_) = needs {
        Fault::new()
            .add("a handler takes its event first, and only one")
            .report();
    }
    needs
}

const fn misfit(payload: Payload, on: &[Selector]) -> Fault {
    let fault = name(Fault::new().add("this handler is for "), on);
    let fault = payload_name(fault.add(", and "), payload).add(": take ");
    code(fault, wanted(on))
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
