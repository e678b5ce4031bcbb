//! Names that are keywords.

use super::build;
use apideck_hooks::{events::*, on, router};

mod r#mod {
    use super::*;

    #[on("vault.connection.created")]
    pub(super) async fn r#async(r#type: ConnectionCreated) {
        drop(r#type);
    }
}

#[on("vault.connection.deleted")]
async fn r#match(_event: ConnectionDeleted) {}

// Names that the generated code uses or could use.
#[on("vault.connection.callable")]
async fn call(_event: ConnectionCallable) {}

#[on("vault.connection.updated")]
#[allow(non_snake_case)]
async fn Router(_event: ConnectionUpdated) {}

#[on("vault.connection.revoked")]
async fn delivery(state: ConnectionRevoked) {
    drop(state);
}

#[test]
fn builds() {
    build!(router![r#mod::r#async, r#match, call, self::Router, delivery, ..]);
}
