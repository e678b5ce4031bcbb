//! Model tests (Case 31). Every store is compared with a model of the documentation of the trait,
//! through random histories of claims, ends, replays, passing time and crashes. Whole deliveries go
//! through failing stores and crashing receivers.
//!
//! `APIDECK_HOOKS_SEED` sets the first seed and `APIDECK_HOOKS_HISTORIES` the number of histories.
//! A failing history is shrunk and printed with its seed.

mod coverage;
mod deliveries;
mod faulty;
mod history;
mod inboxes;
mod invariants;
mod reference;
mod seeds;
mod step;
mod worlds;

use history::beside_the_model;
use reference::Kind;
use std::cell::RefCell;
use tokio::runtime::{Builder, Runtime};
use worlds::{FULL_MEMORY, MEMORY, Memory, POSTGRES, Postgres, SQLITE, Sqlite, World};

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

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn case_31_sqlite_equals_the_model() {
    beside_the_model(SQLITE, 200, |history| {
        let runtime = runtime();
        let mut world = runtime.block_on(Sqlite::new());
        history(&runtime, &mut world)
    });
}

/// Compares a store with the model in a world that all histories share.
fn on_a_server(kind: Kind, default: u64, runtime: &Runtime, world: impl World) {
    let world = RefCell::new(world);
    beside_the_model(kind, default, |history| {
        history(runtime, &mut *world.borrow_mut())
    });
}

#[test]
fn case_31_postgres_equals_the_model() {
    let runtime = runtime();
    if let Some(world) = runtime.block_on(Postgres::new()) {
        on_a_server(POSTGRES, 50, &runtime, world);
    }
}

#[cfg(unix)]
#[test]
fn case_31_redis_equals_the_model() {
    let runtime = runtime();
    if let Some(world) = runtime.block_on(worlds::Redis::new()) {
        on_a_server(worlds::REDIS, 50, &runtime, world);
    }
}
