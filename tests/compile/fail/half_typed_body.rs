use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(event: ConnectionCallable) {
    let _enabled = event.entity.enabled.;
}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
