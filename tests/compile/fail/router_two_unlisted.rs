use apideck_hooks::{Hooks, events::ConnectionEvent, on, router};

#[on(unlisted = "vault.connection.paused")]
async fn pause(_event: ConnectionEvent) {}

#[on(unlisted = "vault.connection.paused")]
async fn log(_event: ConnectionEvent) {}

fn main() {
    let _ = Hooks::builder(router![pause, log, ..]).secret("key").build();
}
