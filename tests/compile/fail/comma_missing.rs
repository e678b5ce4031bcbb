use apideck_hooks::{Hooks, events::ResourceEvent, on, router};

#[on("crm.lead.created" "crm.lead.updated")]
async fn handler(_event: ResourceEvent) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
