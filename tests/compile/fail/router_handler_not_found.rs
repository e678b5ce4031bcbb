use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn start_sync(_event: ConnectionCallable) {}

fn main() {
    let _ = Hooks::builder(router![start_synk, ..]).secret("key").build();
}
