//! errors: 4

use apideck_hooks::{events::ConnectionCallable, on};

struct Service;

impl Service {
    #[on("vault.connection.callable")]
    async fn handler(_event: ConnectionCallable) {}
}

fn main() {}
