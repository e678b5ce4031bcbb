use apideck_hooks::{Hooks, router};

mod sync {
    use apideck_hooks::{events::ConnectionCallable, on};

    #[on("vault.connection.callable")]
    async fn start(_event: ConnectionCallable) {}
}

fn main() {
    let _ = Hooks::builder(router![sync::start, ..]).secret("key").build();
}
