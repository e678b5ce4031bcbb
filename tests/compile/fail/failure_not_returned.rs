#![deny(unused_must_use)]

use apideck_hooks::{Failure, Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(event: ConnectionCallable) -> Result<(), Failure> {
    if event.entity.consumer_id.is_empty() {
        Failure::permanent("no consumer");
    }
    Ok(())
}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
