//! The crate under another name.

// `extern crate` is still allowed, so it has to work. Its lint does not matter here.
#[allow(unused_extern_crates)]
extern crate apideck_hooks as extern_hooks;

use ::apideck_hooks as hooks;

mod reexport {
    pub(super) use ::apideck_hooks as hooks;
}

use hooks::{FromRef, Hooks, State, events::*, on, router};

// Hides the crate's own name, so that generated code cannot use it here.
#[allow(unused_macros, dead_code)]
mod apideck_hooks {}

#[derive(FromRef)]
#[from_ref(crate = hooks)]
struct App {
    number: u32,
}

#[on("vault.connection.callable", crate = hooks)]
async fn used(_event: ConnectionCallable, State(_number): State<u32>) {}

#[on("vault.connection.created", crate = self::extern_hooks)]
async fn extern_crate(_event: ConnectionCreated) {}

#[on(crate = crate::pass::renamed::reexport::hooks, "vault.connection.updated")]
async fn path(_event: ConnectionUpdated) {}

/// A macro of a crate that re-exports this one.
macro_rules! handler {
    ($name:ident, $event:literal, $payload:ty) => {
        #[on($event, crate = $crate::pass::renamed::reexport::hooks)]
        async fn $name(_event: $payload) {}
    };
}

handler!(by_macro, "vault.connection.deleted", ConnectionDeleted);

#[test]
fn builds() {
    let app = App { number: 1 };
    let router = router![crate = hooks; used, extern_crate, path, by_macro, ..];
    assert!(Hooks::builder(router).secret("key").state(app).build().is_ok());
    let router = router![crate = crate::pass::renamed::reexport::hooks; path, ..];
    assert!(Hooks::builder(router).secret("key").build().is_ok());
}

#[test]
fn builds_in_a_function() {
    use reexport::hooks as local;

    #[on("vault.connection.callable", crate = local)]
    async fn handler(_event: ConnectionCallable) {}

    let router = router![crate = local; handler, ..];
    assert!(Hooks::builder(router).secret("key").build().is_ok());
}
