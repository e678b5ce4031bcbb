//! Handlers in a module without the prelude.
#![no_implicit_prelude]

use ::apideck_hooks::{Delivery, FromRef, Hooks, Outcome, State, events::ConnectionCallable, on, router};
use ::std::assert;

#[derive(FromRef)]
struct App {
    number: u32,
}

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, _delivery: Delivery, State(_number): State<u32>) -> Outcome {
    Outcome::Done
}

#[on(unlisted = "vault.connection.paused")]
async fn unlisted(_delivery: Delivery) {}

#[::std::prelude::v1::test]
fn builds() {
    let app = App { number: 1 };
    let hooks = Hooks::builder(router![handler, unlisted, ..])
        .secret("key")
        .state(app)
        .build();
    assert!(hooks.is_ok());
}
