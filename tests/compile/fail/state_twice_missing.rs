use apideck_hooks::{Hooks, State, events::{ConnectionCallable, ConnectionCreated}, on, router};

#[derive(Clone)]
struct Db;

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, State(_db): State<Db>) {}

#[on("vault.connection.created")]
async fn other(_event: ConnectionCreated, State(_db): State<Db>) {}

fn main() {
    let _ = Hooks::builder(router![handler, other, ..]).secret("key").build();
}
