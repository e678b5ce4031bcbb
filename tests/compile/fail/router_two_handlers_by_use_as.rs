use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

mod sync {
    use super::*;

    #[on("vault.connection.callable")]
    pub async fn start(_event: ConnectionCallable) {}
}

use sync::start as begin;

#[on("vault.connection.callable")]
async fn start(_event: ConnectionCallable) {}

fn main() {
    let _ = Hooks::builder(router![begin, start, ..]).secret("key").build();
}
