use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, _clock: impl Fn() -> u64) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
