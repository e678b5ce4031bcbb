use apideck_hooks::{Hooks, events::ResourceEvent, on, router};

macro_rules! handlers {
    ($($name:ident: $event:literal,)*) => {
        $(
            #[on($event)]
            async fn $name(_event: ResourceEvent) {}
        )*
    };
}

handlers! {
    created: "crm.lead.created",
    updated: "crm.led.updated",
}

fn main() {
    let _ = Hooks::builder(router![created, updated, ..]).secret("key").build();
}
