use apideck_hooks::{Hooks, router};

fn main() {
    let _ = Hooks::builder(router!["vault.connection.callable", ..]).secret("key").build();
}
