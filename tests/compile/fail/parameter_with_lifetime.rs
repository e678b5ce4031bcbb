use apideck_hooks::{Hooks, State, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, _state: State<&str>) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").state("tenant").build();
}
