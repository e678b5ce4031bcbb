//! The parameters of this crate, apart from the event and the transaction.

use super::from_delivery::FromDelivery;
use super::state::{NoState, State};
use crate::delivery::Delivery;
use std::convert::Infallible;

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
        Ok(State(state))
    }
}
