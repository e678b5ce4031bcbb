use apideck_hooks::{events::ConnectionCallable, on};

struct Service;

impl Service {
    #[on("vault.connection.callable")]
    async fn handler(&self, _event: ConnectionCallable) {}
}

fn main() {}
