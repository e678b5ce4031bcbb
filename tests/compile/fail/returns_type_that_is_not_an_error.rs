use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[derive(Debug)]
struct SyncError;

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable) -> Result<(), SyncError> {
    Err(SyncError)
}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
