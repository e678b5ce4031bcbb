//! errors: 4

use apideck_hooks::{Hooks, events::{ConnectionCallable, ConnectionEvent}, on, router};

#[on("vault.connection.callable")]
async fn start_sync(_event: ConnectionCallable) {}

#[on("vault.connection.callable", "vault.connection.created")]
async fn log(_event: ConnectionEvent) {}

fn main() {
    let _ = Hooks::builder(router![start_sync, .., "vault.*", log(), log]).secret("key").build();
}
