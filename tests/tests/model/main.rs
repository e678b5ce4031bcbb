//! Model tests (Case 31). Every store is compared with a model of the documentation of the trait,
//! through random histories of claims, ends, replays, passing time and crashes. Whole deliveries go
//! through failing stores and crashing receivers.
//!
//! `APIDECK_HOOKS_SEED` sets the first seed and `APIDECK_HOOKS_HISTORIES` the number of histories.
//! A failing history is shrunk and printed with its seed.

mod history;
mod invariants;
mod reference;
mod seeds;
mod step;
mod worlds;

use history::beside_the_model;
use reference::Kind;
use std::cell::RefCell;
use tokio::runtime::{Builder, Runtime};
use worlds::{FULL_MEMORY, MEMORY, Memory, World};

fn memory(kind: Kind) {
    beside_the_model(kind, 10_000, |history| {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let mut world = runtime.block_on(async { Memory::new(kind) });
        history(&runtime, &mut world)
    });
}

#[test]
fn case_31_the_memory_store_equals_the_model() {
    memory(MEMORY);
}

#[test]
fn case_31_a_full_memory_store_equals_the_model() {
    memory(FULL_MEMORY);
}
