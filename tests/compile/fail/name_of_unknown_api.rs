use apideck_hooks::{Hooks, events::ResourceEvent, on, router};

#[on("billing.subscription.paused")]
async fn handler(_event: ResourceEvent) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
