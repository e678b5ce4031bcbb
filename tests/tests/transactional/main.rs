//! Handlers in a transaction of the store: what they do and the mark of their event are settled by one commit.

mod both;
mod build;
mod handlers;
#[cfg(unix)]
mod kills;
mod parameters;
mod postgres;
mod sqlite;

const EVENT: &str = "vault.connection.callable";
