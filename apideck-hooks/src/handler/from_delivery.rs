//! The trait of a handler's parameters, and the delivery that they are made from.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;

use super::check::Needs;
use super::failure::Failure;
use super::no_state::NoState;
use crate::delivery::{Delivery, RunFacts};
use crate::payload::{AnyEvent, DecodeError};

/// A parameter of a handler: the event, [`State`](crate::State), [`Delivery`], or a type of yours.
///
/// Each argument is made from the delivery before the handler runs. If that fails, the handler does
/// not run, and the error has the same effect as an error that the handler returns.
///
/// ```
/// use apideck_hooks::{Delivery, FromDelivery, NoState, Permanent, events::ConnectionEvent, on};
///
/// /// The customer, whose name a gateway adds as a header.
/// struct Tenant(String);
///
/// impl FromDelivery for Tenant {
///     type State = NoState;
///     type Error = Permanent<&'static str>;
///
///     async fn from_delivery(delivery: &Delivery, _: NoState) -> Result<Self, Self::Error> {
///         let tenant = delivery.headers().get("x-tenant").and_then(|value| value.to_str().ok());
///         Ok(Tenant(tenant.ok_or(Permanent("no x-tenant"))?.to_owned()))
///     }
/// }
///
/// #[on("vault.*")]
/// async fn changed(event: ConnectionEvent, tenant: Tenant) { /* … */ }
/// # let _ = changed(Default::default(), Tenant(String::new()));
/// ```
///
/// A parameter can use any part of the application's state that [`State`](crate::State) could take:
///
/// ```
/// use apideck_hooks::{Delivery, Failure, FromDelivery, on};
/// # use std::collections::HashMap;
/// # use std::sync::Arc;
///
/// type Tenants = Arc<HashMap<String, u64>>;
///
/// /// The customer's number in the application's own tables.
/// struct TenantId(u64);
///
/// impl FromDelivery for TenantId {
///     type State = Tenants;
///     type Error = Failure;
///
///     async fn from_delivery(delivery: &Delivery, tenants: Tenants) -> Result<Self, Failure> {
///         let name = delivery.headers().get("x-tenant").and_then(|value| value.to_str().ok());
///         let name = name.ok_or_else(|| Failure::permanent("no x-tenant"))?;
///         tenants.get(name).copied().map(TenantId).ok_or_else(|| Failure::retry("unknown tenant"))
///     }
/// }
///
/// #[on("crm.*")]
/// async fn changed(TenantId(id): TenantId) { /* … */ }
/// # let _ = changed(TenantId(1));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a handler",
    label = "not a parameter of a handler",
    note = "the first parameter can be the event, such as `events::ConnectionCallable`, and any parameter can be `State<T>`, `Delivery` or a type of yours that implements `FromDelivery`"
)]
pub trait FromDelivery: Sized + Send {
    /// The part of the application's state that the parameter needs, or
    /// [`NoState`](crate::NoState).
    type State: Send;

    /// The error if the argument cannot be made. [`Permanent`](crate::Permanent) dead-letters the
    /// event. After any other error, Apideck's next retry tries to make it again. Use
    /// [`Infallible`](std::convert::Infallible) if it cannot fail.
    type Error: Into<Failure>;

    /// Makes the argument.
    ///
    /// # Errors
    ///
    /// The argument cannot be made, so the handler does not run.
    fn from_delivery(
        delivery: &Delivery,
        state: Self::State,
    ) -> impl Future<Output = Result<Self, Self::Error>> + Send;

    /// The condition under which a handler can have this parameter.
    #[doc(hidden)]
    const NEEDS: Needs = Needs::Nothing;

    /// Makes the argument, and takes the event or the transaction from the source if it is one.
    #[doc(hidden)]
    fn take(
        source: Source<'_>,
        state: Self::State,
    ) -> impl Future<Output = Result<Self, Self::Error>> + Send {
        Self::from_delivery(&source.0.delivery, state)
    }
}

impl FromDelivery for Delivery {
    type State = NoState;
    type Error = Infallible;

    async fn from_delivery(delivery: &Delivery, _: NoState) -> Result<Self, Infallible> {
        Ok(delivery.clone())
    }
}

/// A delivery on its way to the handler.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) delivery: Delivery,
    /// The event that was read when the delivery was identified. `None` once a parameter took it.
    pub(crate) event: Option<Result<AnyEvent, DecodeError>>,
    /// The `Tx` of a handler that takes one.
    #[cfg_attr(not(any(feature = "postgres", feature = "sqlite")), allow(dead_code))]
    pub(crate) transaction: Option<Box<dyn Any + Send>>,
}

/// The delivery that an argument is made from.
// Not in `__private`, so that no other crate can override `FromDelivery::take`.
#[derive(Debug)]
pub struct Source<'a>(pub(crate) &'a mut Incoming);

impl Incoming {
    /// Takes the event. A later call reads it again.
    pub(crate) fn take_event(&mut self) -> Result<AnyEvent, DecodeError> {
        self.event
            .take()
            .unwrap_or_else(|| AnyEvent::read(self.delivery.text()))
    }
}

/// The inputs of one attempt.
///
/// Dropping them drops a transaction that no parameter took, because the store gets its connection
/// back when the `Tx` is dropped.
pub(crate) struct Attempt<'a>(&'a mut Incoming);

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        incoming: &'a mut Incoming,
        run: RunFacts,
        transaction: Option<Box<dyn Any + Send>>,
    ) -> Self {
        incoming.delivery.set_run(run);
        incoming.transaction = transaction;
        Self(incoming)
    }

    pub(crate) fn incoming(&mut self) -> &mut Incoming {
        self.0
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.transaction = None;
    }
}
