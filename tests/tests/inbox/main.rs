//! The inbox: events that are accepted at once and run later.

mod accepting;
mod backlogs;
mod edges;
mod full;
mod order;
mod pauses;
#[cfg(unix)]
mod processes;
mod retries;
mod shutdowns;
mod switching;
mod transactions;
mod upgrades;
mod versions;
mod work;
mod world;
