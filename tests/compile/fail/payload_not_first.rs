use apideck_hooks::{Hooks, Delivery, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(_delivery: Delivery, _event: ConnectionCallable) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
