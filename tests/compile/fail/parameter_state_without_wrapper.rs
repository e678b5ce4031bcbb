use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[derive(Clone)]
struct Db;

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, _db: Db) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").state(Db).build();
}
