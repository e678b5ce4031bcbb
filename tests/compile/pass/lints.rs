//! Generated code without warnings under the strictest lints.
#![deny(
    missing_docs,
    unused,
    warnings,
    missing_debug_implementations,
    missing_copy_implementations,
    unused_qualifications,
    single_use_lifetimes,
    elided_lifetimes_in_paths,
    let_underscore_drop,
    unsafe_code,
    unused_results,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::exhaustive_structs,
    clippy::empty_structs_with_brackets,
    clippy::shadow_reuse,
    clippy::panic,
    clippy::unwrap_used
)]

use apideck_hooks::{Delivery, FromRef, Hooks, State, events::*, on, router};

/// A part of the state.
#[derive(Clone, Copy, Debug)]
struct Part;

/// The state.
#[derive(Clone, Copy, Debug, FromRef)]
struct App {
    part: Part,
    number: u32,
}

#[on("vault.connection.callable")]
async fn private(event: ConnectionCallable, State(part): State<Part>, State(number): State<u32>) {
    drop((event, part, number));
}

/// Documented.
#[on("crm.lead.created", "crm.lead.updated")]
pub(super) async fn public(event: ResourceEvent, delivery: Delivery) -> Result<(), std::io::Error> {
    drop((event, delivery));
    Ok(())
}

#[test]
fn builds() {
    let app = App {
        part: Part,
        number: 1,
    };
    let hooks = Hooks::builder(router![private, public, ..])
        .secret("key")
        .state(app);
    assert!(hooks.build().is_ok());
}
