use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

pub const NAME: &str = "vault.connection.callable";

#[on(NAME)]
async fn handler(_event: ConnectionCallable) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
