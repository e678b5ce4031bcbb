use apideck_hooks::{Hooks, events::CrmLeadCreated, on, router};

#[on("crm.lead.created", "crm.lead.created")]
async fn handler(_event: CrmLeadCreated) {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
