use apideck_hooks::{Hooks, State, events::ConnectionCallable, on, router};

#[derive(Clone)]
struct Db;

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, State(_db): State<Db>) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
