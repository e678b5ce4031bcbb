//! Handlers whose names are keywords, or names in generated code.

use super::build;
use apideck_hooks::{Failure, events::*, on, router};

mod r#mod {
    use super::*;

    #[on("vault.connection.created")]
    pub(super) async fn r#async(r#type: ConnectionCreated) {
        drop(r#type);
    }
}

#[on("vault.connection.deleted")]
async fn r#match(_event: ConnectionDeleted) {}

// The generated code uses these names, or could use them.
#[on("vault.connection.callable")]
async fn call(_event: ConnectionCallable) {}

#[on("vault.connection.downstream.degraded")]
async fn run(_event: ConnectionDownstreamDegraded) {}

#[on("vault.connection.downstream.recovered")]
async fn incoming(_event: ConnectionDownstreamRecovered) -> Result<(), Failed<for<'a> fn(&'a str)>> {
    Ok(())
}

struct Failed<T>(std::marker::PhantomData<T>);

impl<T> From<Failed<T>> for Failure {
    fn from(_: Failed<T>) -> Self {
        Failure::retry("failed")
    }
}

#[expect(non_upper_case_globals)]
const state: u8 = 0;

#[on("vault.connection.updated")]
#[allow(non_snake_case)]
async fn Router(_event: ConnectionUpdated) {}

#[on("vault.connection.revoked")]
async fn delivery(revoked: ConnectionRevoked) {
    const { assert!(state == 0) };
    drop(revoked);
}

#[test]
fn builds() {
    build!(router![
        r#mod::r#async,
        r#match,
        call,
        run,
        incoming,
        self::Router,
        delivery,
        ..
    ]);
}
