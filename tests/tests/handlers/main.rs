//! Handlers: routing, parameters, payloads and return values.

mod events;
mod outcomes;
mod parameters;
mod payloads;
mod routing;
