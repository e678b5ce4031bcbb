//! The parameters of handlers.

use super::check::Needs;
use super::failure::Failure;
use crate::delivery::Delivery;
use crate::payload::{AnyEvent, DecodeError};
use std::any::Any;
use std::future::Future;

/// What a handler can take: the event, [`State`](crate::State), [`Delivery`], and your own types.
///
/// A parameter is made for each delivery before the handler runs. If that fails, the handler does not run, and the
/// error says what happens next, as a handler's own error would.
///
/// ```
/// use apideck_hooks::{Delivery, FromDelivery, NoState, Permanent, events::ConnectionEvent, on};
///
/// /// The customer, from a header that our gateway adds.
/// struct Tenant(String);
///
/// impl FromDelivery for Tenant {
///     type State = NoState; // or a part of the application's state
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
/// With a part of the state, which is anything that [`State`](crate::State) could take:
///
/// ```
/// use apideck_hooks::{Delivery, Failure, FromDelivery, on};
/// # use std::collections::HashMap;
/// # use std::sync::Arc;
///
/// type Tenants = Arc<HashMap<String, u64>>;
///
/// /// The customer's number in our own tables.
/// struct TenantId(u64);
///
/// impl FromDelivery for TenantId {
///     type State = Tenants;
///     type Error = Failure;
///
///     async fn from_delivery(delivery: &Delivery, tenants: Tenants) -> Result<Self, Failure> {
///         let name = delivery.headers().get("x-tenant").and_then(|value| value.to_str().ok());
///         let name = name.ok_or_else(|| Failure::permanent("no x-tenant"))?;
///         tenants.get(name).copied().map(TenantId).ok_or_else(|| Failure::retry("not known yet"))
///     }
/// }
///
/// #[on("crm.*")]
/// async fn changed(TenantId(id): TenantId) { /* … */ }
/// # let _ = changed(TenantId(1));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a handler can take",
    label = "not a parameter of a handler",
    note = "a handler takes its event first, such as `events::ConnectionCallable`, then `State<T>`, `Delivery`, or a type of yours that implements `FromDelivery`"
)]
pub trait FromDelivery: Sized + Send {
    /// The part of the application's state that it is made from; [`NoState`] for none.
    type State: Send;

    /// Why it could not be made. [`Permanent`](crate::Permanent) sets the event aside, any other error has it tried
    /// again; `Infallible` for what cannot fail.
    type Error: Into<Failure>;

    /// Makes it.
    fn from_delivery(
        delivery: &Delivery,
        state: Self::State,
    ) -> impl Future<Output = Result<Self, Self::Error>> + Send;

    /// The event or the transaction that it is, if it is one.
    #[doc(hidden)]
    const NEEDS: Needs = Needs::Nothing;

    /// Makes it, out of what was read already where there is such a thing.
    #[doc(hidden)]
    fn take(
        incoming: &mut Incoming,
        state: Self::State,
    ) -> impl Future<Output = Result<Self, Self::Error>> + Send {
        Self::from_delivery(&incoming.delivery, state)
    }
}

/// A delivery on its way to the handler, with the event that was read from it.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) delivery: Delivery,
    pub(crate) event: Option<Result<AnyEvent, DecodeError>>,
    /// A `Tx`, for the handler that takes it.
    #[cfg_attr(not(any(feature = "postgres", feature = "sqlite")), allow(dead_code))]
    pub(crate) transaction: Option<Box<dyn Any + Send>>,
}

impl Incoming {
    /// The event; read again where it was taken before.
    pub(crate) fn take_event(&mut self) -> Result<AnyEvent, DecodeError> {
        self.event
            .take()
            .unwrap_or_else(|| AnyEvent::read(self.delivery.text()))
    }
}

/// What a handler's run takes its arguments from. A transaction that it has not taken ends with it: nobody else may hold it then.
pub(crate) struct Attempt<'a>(&'a mut Incoming);

impl<'a> Attempt<'a> {
    /// For this attempt.
    pub(crate) fn new(
        incoming: &'a mut Incoming,
        attempt: u32,
        transaction: Option<Box<dyn Any + Send>>,
    ) -> Self {
        incoming.delivery.set_attempt(attempt);
        incoming.transaction = transaction;
        Attempt(incoming)
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
