//! Code that the macros accept.
//!
//! These are modules of one test and not crates, so that Clippy also reads the generated code. Each
//! module builds its list of handlers. Most of the test is that it compiles.

mod all_events;
mod attributes;
mod calls;
mod lints;
mod modules;
mod no_prelude;
mod parameters;
mod raw_names;
mod renamed;
mod reserved_names;
mod returns;
mod routers;
mod scopes;
mod shadowed;
mod unlisted;

/// Builds a receiver of a list, under a state if one is given.
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
