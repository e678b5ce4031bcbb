//! Handlers and items of the user that have names of generated items.
#![allow(non_camel_case_types, non_snake_case)]

use super::build;
use apideck_hooks::{Delivery, FromDelivery, NoState, State, events::*, on, router};
use std::convert::Infallible;

#[derive(Clone)]
struct __S;

#[on("vault.connection.callable")]
async fn __call(_event: ConnectionCallable, State(__S): State<__S>) {}

#[on("vault.connection.created")]
async fn __HANDLER(_event: ConnectionCreated) {}

#[on("vault.connection.updated")]
async fn __PARAM_1(_event: ConnectionUpdated, _unit: Unit) {}

#[on("vault.connection.deleted")]
async fn __Handler0(_event: ConnectionDeleted) {}

/// A parameter after the event that could be another event, so it has a constant of its own.
struct Unit;

impl FromDelivery for Unit {
    type State = NoState;
    type Error = Infallible;

    async fn from_delivery(_: &Delivery, _: NoState) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

mod Router {
    use apideck_hooks::{events::*, on};

    #[on("vault.connection.revoked")]
    pub(super) async fn revoked(_event: ConnectionRevoked) {}
}

mod __PLAN {
    use apideck_hooks::{events::*, on};

    #[on("vault.connection.disabled")]
    pub(super) async fn disabled(_event: ConnectionDisabled) {}
}

#[test]
fn builds() {
    build!(
        router![
            __call,
            __HANDLER,
            __PARAM_1,
            __Handler0,
            Router::revoked,
            __PLAN::disabled,
            ..
        ],
        __S
    );
}
