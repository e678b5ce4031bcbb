use apideck_hooks::{Hooks, IntoOutcome, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable) -> impl IntoOutcome {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
