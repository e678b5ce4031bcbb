#![deny(dead_code)]

use apideck_hooks::{Hooks, events::{ConnectionCallable, ConnectionCreated}, on, router};

#[on("vault.connection.callable")]
async fn listed(_event: ConnectionCallable) {}

#[on("vault.connection.created")]
async fn forgotten(_event: ConnectionCreated) {}

fn main() {
    let _ = Hooks::builder(router![listed, ..]).secret("key").build();
}
