//! The check that a handler's parameters fit its events.
//!
//! # How it works
//!
//! `#[on]` generates constants that call the functions of this module. The compiler evaluates them,
//! and a parameter that does not fit panics. Each function that can panic has `#[track_caller]`, so
//! rustc reports the panic at the generated call. That call has the span of the parameter's type.
//!
//! They are functions and not methods, because they are called for every handler and looking up a
//! method costs the compiler more. They take [`Needs`] and are not generic over the parameter,
//! because rustc would name them in its error about a type that cannot be a parameter.
//!
//! A constant cannot use iterators or `==` of a type, hence the loops over an index and [`same`].
//!
//! After an error that was reported the handler is [`BROKEN`]. It fits everything, so that nothing
//! is reported twice.

use super::fault::Fault;
use super::selector::Selector;
use crate::event::{COUNT, FAMILY, Family, NAMES, RUST_NAMES};

/// The events that a payload type can hold.
#[derive(Clone, Copy, Debug)]
pub enum Payload {
    /// One event, by its index in the table.
    Event(u16),
    /// All events of a family.
    Family(Family),
    /// Every signed body.
    Any,
}

/// The condition under which a type can be a parameter of a handler.
// Not in `__private`, so that no other crate can set `FromDelivery::NEEDS`.
#[derive(Clone, Copy, Debug)]
pub enum Needs {
    /// No condition.
    Nothing,
    /// The handler's events must be among these.
    Payload(Payload),
    /// The store must have transactions of this database.
    Transaction(&'static str),
}

/// A further parameter that was checked by itself.
#[derive(Clone, Copy, Debug)]
pub struct Parameter(Needs);

/// A handler's events, the transaction that it takes, and its mode.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    pub(crate) selectors: &'static [Selector],
    /// The database of the transaction. `None` if the handler takes no transaction.
    pub(crate) transaction: Option<&'static str>,
    /// A delivery is answered by the handler's outcome, also where the receiver has an inbox.
    pub(crate) inline: bool,
}

/// A handler with an error that was reported.
pub const BROKEN: Handler = handles(&[Selector::Broken]);

/// Returns a handler of one event, by its index in the table. It has no parameters yet.
// The selector is borrowed from a table, so that no handler needs a constant for its own.
pub const fn handles_event(event: u16) -> Handler {
    const ALL: &[Selector; COUNT] = &{
        let mut all = [Selector::Broken; COUNT];
        let mut event = 0;
        while event < COUNT {
            all[event] = Selector::Exact(event as u16);
            event += 1;
        }
        all
    };
    handles(std::slice::from_ref(&ALL[event as usize]))
}

/// Returns a handler of these events. It has no parameters yet.
pub const fn handles(selectors: &'static [Selector]) -> Handler {
    Handler {
        selectors,
        transaction: None,
        inline: false,
    }
}

/// Makes a handler that runs before its delivery is answered.
pub const fn inline(mut handler: Handler) -> Handler {
    handler.inline = true;
    handler
}

/// Adds the first parameter.
///
/// # Panics
///
/// The parameter is an event that is not among the handler's.
#[track_caller]
pub const fn with_first_parameter(handler: Handler, needs: Needs) -> Handler {
    if let Needs::Payload(payload) = needs {
        if !fits_all(payload, handler.selectors) {
            mismatch(payload, handler.selectors).report();
        }
        return handler;
    }
    with_parameter(handler, Parameter(needs))
}

/// Adds a further parameter.
///
/// # Panics
///
/// The parameter is a second transaction.
#[track_caller]
pub const fn with_parameter(mut handler: Handler, parameter: Parameter) -> Handler {
    if let Parameter(Needs::Transaction(database)) = parameter {
        if handler.transaction.is_some() {
            Fault::new()
                .add("a handler can take only one transaction, because one commit settles the event")
                .report();
        }
        handler.transaction = Some(database);
    }
    handler
}

/// Checks a further parameter by itself.
///
/// # Panics
///
/// The parameter is an event.
#[track_caller]
pub const fn check_parameter(needs: Needs) -> Parameter {
    if let Needs::Payload(_) = needs {
        Fault::new()
            .add("a handler can take only one event, as its first parameter")
            .report();
    }
    Parameter(needs)
}

const fn mismatch(payload: Payload, selectors: &[Selector]) -> Fault {
    let fault = add_names(Fault::new().add("this handler handles "), selectors);
    let fault = add_payload(fault.add(", but "), payload).add(": write ");
    add_code(fault, narrowest_type(selectors))
}

const fn fits_all(payload: Payload, selectors: &[Selector]) -> bool {
    let mut index = 0;
    while index < selectors.len() {
        if !fits(payload, &selectors[index]) {
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
            // `*` also matches signed bodies that are not events and have no family.
            !matches!(selector, Selector::Pattern { prefix, .. } if prefix.is_empty())
        }
    }
}

/// Returns the narrowest payload type for all of these events.
const fn narrowest_type(selectors: &[Selector]) -> &'static str {
    if let [Selector::Exact(index)] = selectors {
        return RUST_NAMES[*index as usize];
    }
    if fits_all(Payload::Family(Family::Connection), selectors) {
        return Family::Connection.payload_type();
    }
    if fits_all(Payload::Family(Family::Resource), selectors) {
        return Family::Resource.payload_type();
    }
    "AnyEvent"
}

const fn same(a: Family, b: Family) -> bool {
    a as u8 == b as u8
}

/// Adds up to three names: "`a`, `b`, `c` and more".
const fn add_names(mut fault: Fault, selectors: &[Selector]) -> Fault {
    const SHOWN: usize = 3;
    let mut index = 0;
    while index < selectors.len() && index < SHOWN {
        if index > 0 {
            fault = fault.add(", ");
        }
        fault = match &selectors[index] {
            Selector::Exact(event) => add_code(fault, NAMES[*event as usize]),
            Selector::Unlisted(name) => add_code(fault, name),
            Selector::Pattern { prefix, .. } => fault.add("`").add(prefix).add("*`"),
            Selector::Broken => fault,
        };
        index += 1;
    }
    if selectors.len() > SHOWN {
        fault.add(" and more")
    } else {
        fault
    }
}

const fn add_payload(fault: Fault, payload: Payload) -> Fault {
    match payload {
        Payload::Event(index) => {
            let fault = add_code(fault, RUST_NAMES[index as usize]).add(" holds only ");
            add_code(fault, NAMES[index as usize])
        }
        Payload::Family(Family::Connection) => fault.add("`ConnectionEvent` holds only events of Vault"),
        Payload::Family(Family::Resource) => {
            fault.add("`ResourceEvent` holds only events of APIs other than Vault")
        }
        Payload::Any => fault,
    }
}

const fn add_code(fault: Fault, text: &str) -> Fault {
    fault.add("`").add(text).add("`")
}
