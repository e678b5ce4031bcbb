use std::error::Error;

use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable) -> Result<(), Box<dyn Error>> {
    Ok(())
}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
