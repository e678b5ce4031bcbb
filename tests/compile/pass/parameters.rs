//! All kinds of parameters.

use super::build;
use apideck_hooks::{Delivery, FromDelivery, FromRef, NoState, Permanent, State, events::*, on, router};
use std::convert::Infallible;
use std::sync::Arc;

#[derive(Clone)]
struct Db;

#[derive(FromRef)]
struct App {
    db: Db,
    tenants: Arc<[&'static str]>,
    callback: fn(&str) -> usize,
    #[from_ref(skip)]
    other_callback: fn(&str) -> usize,
}

/// A parameter that is made from the delivery alone.
struct Tenant(String);

impl FromDelivery for Tenant {
    type State = NoState;
    type Error = Permanent<&'static str>;

    async fn from_delivery(delivery: &Delivery, _: NoState) -> Result<Self, Self::Error> {
        let tenant = delivery
            .headers()
            .get("x-tenant")
            .and_then(|value| value.to_str().ok());
        Ok(Tenant(tenant.ok_or(Permanent("no tenant"))?.to_owned()))
    }
}

/// A parameter that is made from a part of the state.
struct Transaction<T>(T);

impl<T: Send + 'static> FromDelivery for Transaction<T> {
    type State = T;
    type Error = Infallible;

    async fn from_delivery(_: &Delivery, state: T) -> Result<Self, Infallible> {
        Ok(Transaction(state))
    }
}

#[on("vault.connection.callable")]
async fn event(_event: ConnectionCallable) {}

#[on("vault.connection.created", "vault.connection.updated")]
async fn family(mut event: ConnectionEvent) {
    event.event_id.clear();
}

#[on("crm.lead.*", "ats.job.created")]
async fn resource(_event: ResourceEvent, _: Delivery) {}

#[on("vault.connection.deleted", "crm.contact.created")]
async fn both(_event: AnyEvent) {}

#[on("vault.connection.disabled")]
async fn family_for_one_event(_event: ConnectionEvent) {}

// A handler need not take the event.
#[on("vault.connection.revoked")]
async fn nothing() {}

#[on("vault.connection.migrated")]
async fn no_event(delivery: Delivery, Tenant(tenant): Tenant) {
    assert_ne!(delivery.attempt().to_string(), tenant);
}

#[on("vault.connection.token_refresh.failed")]
async fn state(
    ConnectionEvent { entity, .. }: ConnectionEvent,
    State(db): State<Db>,
    tenants: State<Arc<[&'static str]>>,
    State(callback): State<fn(&str) -> usize>,
    Transaction(same_db): Transaction<Db>,
) {
    drop((entity, db, same_db));
    assert_eq!(tenants.len(), callback("a"));
}

/// A handler that is more public than the types of its parameters.
mod private {
    use super::*;

    #[derive(Clone)]
    pub(super) struct Count;

    impl FromRef<App> for Count {
        fn from_ref(_: &App) -> Self {
            Count
        }
    }

    #[allow(unreachable_pub)]
    #[on("vault.connection.token_refresh.recovered")]
    pub async fn count(State(count): State<Count>) -> Result<(), Failed> {
        let Count = count;
        Ok(())
    }

    #[derive(Debug)]
    pub(super) struct Failed;

    impl From<Failed> for apideck_hooks::Failure {
        fn from(_: Failed) -> Self {
            apideck_hooks::Failure::retry("failed")
        }
    }
}

// 13 parameters, because the standard library implements traits for tuples of at most 12.
#[allow(clippy::too_many_arguments)]
#[rustfmt::skip]
#[on("vault.connection.token_refresh.pending")]
async fn many(_: ConnectionTokenRefreshPending, _: Delivery, _: Delivery, _: Delivery, _: Delivery, _: Delivery, _: Delivery, _: Delivery, _: Delivery, _: Delivery, _: Delivery, _: Delivery, _: Delivery) {}

#[test]
fn builds() {
    let app = App {
        db: Db,
        tenants: Arc::new(["a"]),
        callback: str::len,
        other_callback: str::len,
    };
    assert_eq!((app.other_callback)("ab"), 2);
    build!(
        router![
            event,
            family,
            resource,
            both,
            family_for_one_event,
            nothing,
            no_event,
            state,
            private::count,
            many,
            ..
        ],
        app
    );
}
