//! What a receiver tells: its counts, its observers, its log and its metrics.

mod blocking;
mod each;
mod exported;
mod first_hour;
mod recorder;
mod sum;

const EVENT: &str = "vault.connection.callable";
