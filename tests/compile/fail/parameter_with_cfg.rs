use apideck_hooks::{Delivery, Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, #[cfg(unix)] _delivery: Delivery) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
