//! `examples/inbox-nats`: its receivers and workers, and the NATS server, in processes that are
//! killed.
#![cfg(unix)]

mod deliveries;
mod kills;
mod outages;
mod world;
