use apideck_hooks::{Hooks, events::ConnectionTokenRefreshFailed, on, router};

#[on("vault.connection.token_refresh.*")]
async fn handler(_event: ConnectionTokenRefreshFailed) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
