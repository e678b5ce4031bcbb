use apideck_hooks::{Hooks, router};

struct Db;

fn main() {
    let _ = Hooks::builder(router![Db, ..]).secret("key").build();
}
