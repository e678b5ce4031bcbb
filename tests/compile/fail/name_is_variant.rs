use apideck_hooks::{EventType, Hooks, events::ConnectionCallable, on, router};

#[on(EventType::ConnectionCallable)]
async fn handler(_event: ConnectionCallable) {
    let _ = EventType::ALL;
}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
