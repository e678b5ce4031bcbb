//! Handlers: routing, parameters, payloads and return values.

mod events;
mod odd_bodies;
mod outcomes;
mod parameters;
mod payloads;
mod routing;
