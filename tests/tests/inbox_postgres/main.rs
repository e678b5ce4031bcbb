//! The inbox in PostgreSQL: the tests of the suite `inbox`, and those of several processes.

#[path = "../inbox/accepting.rs"]
mod accepting;
#[path = "../inbox/edges.rs"]
mod edges;
#[path = "../inbox/full.rs"]
mod full;
#[path = "../inbox/order.rs"]
mod order;
#[path = "../inbox/pauses.rs"]
mod pauses;
#[cfg(unix)]
mod processes;
#[path = "../inbox/retries.rs"]
mod retries;
mod schema;
#[path = "../inbox/shutdowns.rs"]
mod shutdowns;
mod stores;
#[path = "../inbox/switching.rs"]
mod switching;
#[path = "../inbox/transactions.rs"]
mod transactions;
#[path = "../inbox/upgrades.rs"]
mod upgrades;
mod world;
