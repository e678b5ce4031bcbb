//! errors: 3
use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

mod start_sync {}

#[on("vault.connection.callable")]
async fn start_sync(_event: ConnectionCallable) {}

fn main() {
    let _ = Hooks::builder(router![start_sync, ..]).secret("key").build();
}
