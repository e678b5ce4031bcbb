//! What the tests share: fixtures, signing, a client, a scripted handler and a store that is watched.
// Not published: the names say it.
#![allow(missing_docs)]

#[cfg(unix)]
pub mod child;
pub mod delivery;
pub mod directory;
pub mod fixtures;
pub mod handlers;
pub mod malicious;
pub mod postgres;
#[cfg(unix)]
pub mod postgres_server;
pub mod probe;
pub mod proxy;
#[cfg(unix)]
pub mod redis;
pub mod redis_proxy;
pub mod server;
pub mod spy;
pub mod tools;
pub mod transactional;

/// The key that test deliveries are signed with.
pub const SECRET: &str = "test-api-key";
