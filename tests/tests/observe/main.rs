//! What a receiver tells: its counts, its observers and its log.

mod blocking;
mod each;
mod first_hour;
mod recorder;
mod sum;

const EVENT: &str = "vault.connection.callable";
