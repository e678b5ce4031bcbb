use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[on()]
async fn handler(_event: ConnectionCallable) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
