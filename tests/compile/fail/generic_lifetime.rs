use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler<'a>(_event: ConnectionCallable) where 'static: 'a {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
