//! Which handler an event reaches, what it is handed, and what it may return.

mod events;
mod outcomes;
mod parameters;
mod payloads;
mod routing;
