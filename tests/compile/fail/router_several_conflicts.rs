//! errors: 2

use apideck_hooks::{Hooks, events::{ConnectionCallable, ConnectionEvent, ConnectionCreated}, on, router};

#[on("vault.connection.callable")]
async fn start_sync(_event: ConnectionCallable) {}

#[on("vault.connection.created")]
async fn greet(_event: ConnectionCreated) {}

#[on("vault.connection.callable", "vault.connection.deleted")]
async fn log(_event: ConnectionEvent) {}

#[on("vault.connection.created")]
async fn count(_event: ConnectionCreated) {}

fn main() {
    let _ = Hooks::builder(router![start_sync, greet, log, count, ..]).secret("key").build();
}
