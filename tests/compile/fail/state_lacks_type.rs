use apideck_hooks::{Hooks, FromRef, State, events::ConnectionCallable, on, router};

#[derive(Clone)]
struct Db;

#[derive(Clone)]
struct Mailer;

#[derive(FromRef)]
struct App {
    db: Db,
}

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, State(_mailer): State<Mailer>) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").state(App { db: Db }).build();
}
