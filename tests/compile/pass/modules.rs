//! Handlers in other modules: nested, re-exported, and under another name.

use super::build;
use apideck_hooks::router;
use apideck_hooks_tests::handlers::{self, start_sync};

mod vault {
    use apideck_hooks::{events::*, on};

    #[on("vault.connection.callable")]
    pub(super) async fn callable(_event: ConnectionCallable) {}

    pub(super) mod token {
        use super::*;

        #[on("vault.connection.token_refresh.*")]
        pub(in super::super) async fn refresh(_event: ConnectionEvent) {}

        // The same name as above, in another module.
        #[on("vault.connection.created")]
        pub(crate) async fn callable(_event: ConnectionCreated) {}
    }
}

mod facade {
    pub(super) use super::vault::token::callable as created;
    pub(super) use super::vault::*;
}

use facade::callable as start;

#[test]
fn builds() {
    build!(router![start, facade::created, self::facade::token::refresh, ..]);
    build!(router![
        vault::callable,
        vault::token::refresh,
        crate::pass::modules::vault::token::callable,
        ..
    ]);
}

#[test]
fn builds_with_handlers_of_another_crate() {
    build!(router![start_sync, handlers::crm::changed, ..], 1_u32);
    build!(router![apideck_hooks_tests::handlers::crm::changed], 1_u32);
}
