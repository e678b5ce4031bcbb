use apideck_hooks::{Hooks, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConectionCallable) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
