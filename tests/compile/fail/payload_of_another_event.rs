use apideck_hooks::{Hooks, events::ConnectionCreated, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCreated) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
