//! Fixtures, signing, a client, a scripted handler, a store for fault injection, and servers.

#[cfg(unix)]
pub mod child;
pub mod delivery;
pub mod directory;
pub mod fixtures;
#[cfg(unix)]
pub mod guarded;
pub mod handlers;
pub mod inbox;
pub mod inbox_postgres;
pub mod kit;
pub mod log;
pub mod malicious;
#[cfg(unix)]
pub mod nats;
pub mod postgres;
pub mod probe;
#[cfg(unix)]
pub mod redis;
pub mod scrape;
pub mod server;
pub mod services;
pub mod size;
pub mod spy;
pub mod sqlite;
pub mod stranger;
pub mod transactional;
pub mod waiting;

/// The key that test deliveries are signed with.
pub const SECRET: &str = "test-api-key";
