//! errors: 2

use apideck_hooks::{Hooks, events::ResourceEvent, on, router};

#[on("crm.led.created", "crm.contct.created")]
async fn handler(_event: ResourceEvent) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
