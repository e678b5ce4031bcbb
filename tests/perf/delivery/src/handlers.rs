//! Receivers with one handler or with many, that remember few events or many.

use apideck_hooks::{Hooks, MemoryStore, events::ConnectionCreated, on, router};
use perf::event::SECRET;
use perf::store::remember;

#[on("vault.connection.created")]
async fn created(event: ConnectionCreated) {
    std::hint::black_box(event);
}

pub(crate) fn one() -> Hooks {
    let hooks = Hooks::builder(router![created, ..]).secret(SECRET);
    hooks.build().expect("a receiver")
}

/// A handler for every event of the table.
mod every {
    use apideck_hooks::{Hooks, events, on, router};
    use perf::event::SECRET;

    macro_rules! handlers {
        ($(($index:tt, $name:tt, $handler:ident, $family:ident, $doc:tt, $api:tt))*) => {
            $(
                #[on($name)]
                #[allow(non_snake_case)]
                async fn $handler(event: events::$handler) {
                    std::hint::black_box(event);
                }
            )*

            pub(crate) fn all() -> Hooks {
                Hooks::builder(router![$($handler),*]).secret(SECRET).build().expect("a receiver")
            }
        };
    }

    apideck_hooks_macros::__events!(handlers);
}

pub(crate) use every::all;

/// A receiver whose store has capacity for these events and is full. Each new event evicts the
/// oldest.
pub(crate) fn remembering(events: u64) -> Hooks {
    let capacity = usize::try_from(events).expect("it fits");
    let store = MemoryStore::builder().capacity(capacity).build();
    // More than the capacity, because some shards fill up earlier than others. None is an event
    // that is measured.
    (0..events + events / 10).for_each(|n| remember(&store, u64::MAX / 4 + n));
    let hooks = Hooks::builder(router![created, ..]).secret(SECRET).store(store);
    hooks.build().expect("a receiver")
}
