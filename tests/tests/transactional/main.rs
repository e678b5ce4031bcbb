//! Handlers in a transaction of the store. One commit covers their effects and the end of the run.

mod both;
mod build;
mod handlers;
#[cfg(unix)]
mod kills;
mod parameters;
mod postgres;
mod sqlite;

const EVENT: &str = "vault.connection.callable";
