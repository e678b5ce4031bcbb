use apideck_hooks::{Hooks, events::ConnectionCallable, router};

async fn start_sync(_event: ConnectionCallable) {}

fn main() {
    let _ = Hooks::builder(router![start_sync, ..]).secret("key").build();
}
