//! Receivers with one handler and with many, that remember few events and many.

use std::sync::Arc;
use std::time::Duration;

use apideck_hooks::store::{Claim, End, Key, Store, Verdict};
use apideck_hooks::{Hooks, MemoryStore, events::ConnectionCreated, on, router};
use futures_util::FutureExt;

use crate::event::SECRET;

#[on("vault.connection.created")]
async fn created(event: ConnectionCreated) {
    std::hint::black_box(event);
}

pub(crate) fn one() -> Hooks {
    Hooks::builder(router![created, ..])
        .secret(SECRET)
        .build()
        .expect("a receiver")
}

/// A handler for every event of the table.
mod every {
    use super::SECRET;
    use apideck_hooks::{Hooks, events, on, router};

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

/// With a store that has room for so many events and is full of them: each new one has the oldest forgotten.
pub(crate) fn remembering(events: u64) -> Hooks {
    let store = MemoryStore::builder()
        .capacity(usize::try_from(events).expect("it fits"))
        .build();
    // Over the capacity: it is spread over shards, of which some are full earlier.
    for number in 0..events + events / 10 {
        let [event, delivery] = [0, 1].map(|half| key(2 * number + half));
        let claim = Claim::new(event, Some(delivery), Duration::from_secs(30));
        let claimed = store
            .claim(claim)
            .now_or_never()
            .expect("nothing waits")
            .expect("a claim");
        let Verdict::Granted { token, .. } = claimed.verdict else {
            panic!("{claimed:?}")
        };
        let finished = store.finish(claimed.record, token, End::Done).now_or_never();
        finished.expect("nothing waits").expect("a finish");
    }
    Hooks::builder(router![created, ..])
        .secret(SECRET)
        .store(Arc::new(store))
        .build()
        .expect("a receiver")
}

/// A key as good as a hash.
fn key(number: u64) -> Key {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Key::from_bytes(bytes)
}
