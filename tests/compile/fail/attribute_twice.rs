use apideck_hooks::{Hooks, events::ConnectionEvent, on, router};

#[on("vault.connection.callable")]
#[on("vault.connection.created")]
async fn start_sync(_event: ConnectionEvent) {}

fn main() {
    let _ = Hooks::builder(router![start_sync, ..]).secret("key").build();
}
