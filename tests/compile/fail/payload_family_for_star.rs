use apideck_hooks::{Hooks, events::ConnectionEvent, on, router};

#[on("*")]
async fn handler(_event: ConnectionEvent) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
