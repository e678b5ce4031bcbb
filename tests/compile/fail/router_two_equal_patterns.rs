use apideck_hooks::{Hooks, events::{AnyEvent, ConnectionEvent}, on, router};

#[on("vault.connection.*")]
async fn log(_event: ConnectionEvent) {}

#[on("crm.*", "vault.connection.*")]
async fn count(_event: AnyEvent) {}

fn main() {
    let _ = Hooks::builder(router![log, count, ..]).secret("key").build();
}
