use apideck_hooks::{Hooks, Tx, events::ConnectionCallable, on, router};
use sqlx::{Postgres, Sqlite};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, _tx: Tx<Postgres>, _other: Tx<Sqlite>) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
