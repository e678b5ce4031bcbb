use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable) -> u32 {
    7
}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
