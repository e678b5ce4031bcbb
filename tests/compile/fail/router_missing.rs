use apideck_hooks::{Hooks, events::ConnectionCallable, on};

#[on("vault.connection.callable")]
async fn start_sync(_event: ConnectionCallable) {}

fn main() {
    let _ = Hooks::builder(start_sync).secret("key").build();
}
