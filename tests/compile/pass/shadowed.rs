//! Handlers beside items of the user that have names of the standard library.
#![allow(dead_code, unused_macros, non_camel_case_types)]

use apideck_hooks::{FromRef, Hooks, State, events::ConnectionCallable, on, router};

type Result = ();
type Option = ();
type String = ();
type Vec = ();
type Box = ();
type u16 = ();
type usize = ();
trait Future {}
trait Send {}
trait Sync {}
trait Clone {}
trait Copy {}
struct Ok;
struct Err;
struct Some;
struct None;
mod core {}
mod std {}
mod apideck_hooks_macros {}

macro_rules! panic {
    ($($tokens:tt)*) => {
        compile_error!("the user's own")
    };
}

#[derive(FromRef)]
struct App {
    number: i32,
}

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable, State(_number): State<i32>) {}

#[test]
fn builds() {
    let app = App { number: 1 };
    let hooks = Hooks::builder(router![handler, ..])
        .secret("key")
        .state(app)
        .build();
    assert!(hooks.is_ok());
}
