use apideck_hooks::{Hooks, events::{AnyEvent, ConnectionCallable, ConnectionEvent}, on, router};

mod sync {
    use super::*;

    #[on("vault.connection.callable")]
    pub async fn start(_event: ConnectionCallable) {}
}

mod mail {
    use super::*;

    #[on("vault.connection.*", "crm.lead.created")]
    pub async fn log(_event: AnyEvent) {}

    #[on("vault.connection.created", "vault.connection.callable")]
    pub async fn greet(_event: ConnectionEvent) {}
}

fn main() {
    let _ = Hooks::builder(router![sync::start, mail::log, mail::greet, ..]).secret("key").build();
}
