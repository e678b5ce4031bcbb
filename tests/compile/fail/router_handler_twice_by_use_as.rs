use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn start_sync(_event: ConnectionCallable) {}

use start_sync as begin;

fn main() {
    let _ = Hooks::builder(router![start_sync, begin, ..]).secret("key").build();
}
