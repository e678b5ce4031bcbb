//! `Delivery` and `State` as parameters of a handler.

use std::convert::Infallible;

use super::from_delivery::FromDelivery;
use super::state::{NoState, State};
use crate::delivery::Delivery;

impl FromDelivery for Delivery {
    type State = NoState;
    type Error = Infallible;

    async fn from_delivery(delivery: &Delivery, _: NoState) -> Result<Self, Infallible> {
        Ok(delivery.clone())
    }
}

impl<T: Send> FromDelivery for State<T> {
    type State = T;
    type Error = Infallible;

    async fn from_delivery(_: &Delivery, state: T) -> Result<Self, Infallible> {
        Ok(Self(state))
    }
}
