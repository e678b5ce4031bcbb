use apideck_hooks::{Hooks, events::{ConnectionCallable, ConnectionEvent}, on, router};

#[on("vault.connection.callable")]
async fn start_sync(_event: ConnectionCallable) {}

#[on("vault.connection.token_refresh.*")]
async fn token(_event: ConnectionEvent) {}

fn main() {
    let _ = Hooks::builder(router![start_sync, .., token]).secret("key").build();
}
