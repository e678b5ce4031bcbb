use apideck_hooks::{Hooks, events::ResourceEvent, on, router};

#[on("ats.job.*")]
async fn jobs(_event: ResourceEvent) {}

#[on("lead.lead.created", "lead.lead.updated")]
async fn leads(_event: ResourceEvent) {}

fn main() {
    let _ = Hooks::builder(router![jobs, leads]).secret("key").build();
}
