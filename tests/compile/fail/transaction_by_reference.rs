use apideck_hooks::{Hooks, Tx, events::ConnectionCallable, on, router};
use sqlx::Postgres;

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, _tx: &mut Tx<Postgres>) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
