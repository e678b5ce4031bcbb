use apideck_hooks::{Hooks, router};

mod vault {
    mod sync {
        use apideck_hooks::{events::ConnectionCallable, on};

        #[on("vault.connection.callable")]
        pub async fn start(_event: ConnectionCallable) {}
    }
}

fn main() {
    let _ = Hooks::builder(router![vault::sync::start, ..]).secret("key").build();
}
