use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[allow(non_camel_case_types)]
struct start_sync {}

#[on("vault.connection.callable")]
async fn start_sync(_event: ConnectionCallable) {}

fn main() {
    let _ = Hooks::builder(router![start_sync, ..]).secret("key").build();
}
