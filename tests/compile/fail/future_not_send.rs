use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

use std::rc::Rc;

async fn tick() {}

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable) {
    let counter = Rc::new(1);
    tick().await;
    drop(counter);
}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
