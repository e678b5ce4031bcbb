//! What the macros accept. Modules of one test, not crates of their own, so that Clippy reads what they generate too.
//!
//! Each builds its list of handlers; that it compiles is most of the test.

mod all_events;
mod attributes;
mod calls;
mod lints;
mod modules;
mod no_prelude;
mod parameters;
mod raw_names;
mod renamed;
mod returns;
mod routers;
mod scopes;
mod shadowed;
mod unlisted;

/// Builds a receiver of this list, under this state.
macro_rules! build {
    ($router:expr) => {
        ::apideck_hooks::Hooks::builder($router)
            .secret("key")
            .build()
            .expect("a receiver")
    };
    ($router:expr, $state:expr) => {
        ::apideck_hooks::Hooks::builder($router)
            .secret("key")
            .state($state)
            .build()
            .expect("a receiver")
    };
}
pub(crate) use build;
