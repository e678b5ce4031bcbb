//! Handlers in a transaction of the store: what they do and the mark of their event are settled by one commit.

#[path = "transactional/both.rs"]
mod both;

const EVENT: &str = "vault.connection.callable";
