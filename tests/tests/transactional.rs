//! Handlers in a transaction of the store: what they do and the mark of their event are settled by one commit.

#[path = "transactional/both.rs"]
mod both;
#[path = "transactional/build.rs"]
mod build;
#[cfg(unix)]
#[path = "transactional/example.rs"]
mod example;
#[path = "transactional/handlers.rs"]
mod handlers;
#[cfg(unix)]
#[path = "transactional/kills.rs"]
mod kills;
#[path = "transactional/parameters.rs"]
mod parameters;
#[path = "transactional/postgres.rs"]
mod postgres;
#[path = "transactional/sqlite.rs"]
mod sqlite;

const EVENT: &str = "vault.connection.callable";
