use apideck_hooks::{Hooks, State, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler<T: Send>(_event: ConnectionCallable, _state: State<T>) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
