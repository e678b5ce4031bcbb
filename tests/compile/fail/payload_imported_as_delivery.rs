use apideck_hooks::{Hooks, events::{AnyEvent as Delivery, ConnectionCallable}, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, _delivery: Delivery) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
