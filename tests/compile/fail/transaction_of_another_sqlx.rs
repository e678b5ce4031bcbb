use apideck_hooks::{Hooks, Tx, events::ConnectionCallable, on, router};

/// Stands for another version of the crate.
mod sqlx {
    pub struct Postgres;
}

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, _tx: Tx<sqlx::Postgres>) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
