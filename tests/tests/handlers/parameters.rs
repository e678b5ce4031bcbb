//! Parameters of handlers.

use apideck_hooks::events::{AnyEvent, ConnectionCallable};
use apideck_hooks::testing::Event;
use apideck_hooks::{
    Delivery, Failure, FromDelivery, FromRef, Hooks, NoState, Permanent, Rest, State, on, router,
};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[derive(Clone)]
struct Prefix(&'static str);

/// A state with two parts and a field that is not a part.
#[derive(FromRef)]
struct App {
    log: Log,
    prefix: Prefix,
    #[from_ref(skip)]
    _unused: Prefix,
}

fn app() -> (App, Log) {
    let log = Log::default();
    (
        App {
            log: log.clone(),
            prefix: Prefix("app"),
            _unused: Prefix("unused"),
        },
        log,
    )
}

/// A parameter that needs a part of the state and can fail.
struct Tenant(String);

impl FromDelivery for Tenant {
    type State = Prefix;
    type Error = Failure;

    async fn from_delivery(delivery: &Delivery, prefix: Prefix) -> Result<Self, Failure> {
        tokio::task::yield_now().await;
        match delivery.headers().get("x-tenant").map(|value| value.to_str()) {
            Some(Ok("later")) => Err(Failure::retry_after(Duration::from_secs(7), "not yet")),
            Some(Ok(name)) => Ok(Tenant(format!("{}/{name}", prefix.0))),
            _ => Err(Permanent("no tenant").into()),
        }
    }
}

/// A parameter that needs no state and cannot fail.
struct Length(usize);

impl FromDelivery for Length {
    type State = NoState;
    type Error = std::convert::Infallible;

    async fn from_delivery(delivery: &Delivery, _: NoState) -> Result<Self, Self::Error> {
        Ok(Length(delivery.body().len()))
    }
}

#[on("vault.connection.callable")]
async fn everything(
    event: ConnectionCallable,
    State(log): State<Log>,
    delivery: Delivery,
    tenant: Tenant,
    length: Length,
    State(prefix): State<Prefix>,
) {
    assert_eq!(length.0, delivery.body().len());
    let age = delivery.received_at().elapsed().unwrap_or_default();
    assert!(age.as_secs() < 3600, "{age:?}");
    log.add(format!(
        "{} {} {} {}",
        tenant.0,
        prefix.0,
        event.event_id,
        delivery.attempt()
    ));
}

/// A handler without the event.
#[on("vault.connection.created")]
async fn no_event(delivery: Delivery, State(log): State<Log>) {
    log.add(format!("{:?} {:?}", delivery.event_type(), delivery.entity_id()));
}

#[on("vault.connection.deleted")]
async fn nothing_at_all() {}

#[tokio::test(start_paused = true)]
async fn a_handler_gets_the_parameters_that_it_names() {
    let (app, log) = app();
    let hooks = Hooks::builder(router![everything, no_event, nothing_at_all, ..])
        .secret(SECRET)
        .state(app)
        .rest(Rest::None)
        .build()
        .unwrap();
    let callable = |id| event("vault.connection.callable", id);
    let tenant = callable("e1").header("x-tenant", "acme");
    tenant.call(&hooks).await.assert_handled();
    assert_eq!(log.take(), ["app/acme app e1 1"]);
    let later = callable("e2").header("x-tenant", "later").call(&hooks).await;
    assert_eq!((later.code(), later.retry_after()), (503, Some(7)));
    tokio::time::sleep(Duration::from_secs(7)).await;
    callable("e2")
        .header("x-tenant", "acme")
        .call(&hooks)
        .await
        .assert_handled();
    assert_eq!(log.take(), ["app/acme app e2 2"]);
    callable("e3").call(&hooks).await.assert_status(422);
    event("vault.connection.created", "e4")
        .call(&hooks)
        .await
        .assert_handled();
    assert_eq!(
        log.take(),
        [r#"Some(ConnectionCreated) Some("1111+test_user_id")"#]
    );
    event("vault.connection.deleted", "e5")
        .call(&hooks)
        .await
        .assert_handled();
}

#[on("*")]
async fn shows(event: AnyEvent, delivery: Delivery, State(log): State<Log>) {
    log.add(format!("{event:?} {delivery:?}"));
}

/// Fields that may hold credentials are not printed.
#[tokio::test]
async fn debug_output_contains_no_settings() {
    let log = Log::default();
    let hooks = Hooks::builder(router![shows])
        .secret(SECRET)
        .state(log.clone())
        .build()
        .unwrap();
    let body = r#"{"payload":{"event_type":"vault.connection.updated","entity":{"name":"Shown",
        "settings":{"api_key":"hunter2"},"metadata":{"token":"hunter2"},"unknown":"hunter2"}}}"#;
    Event::from_json(body)
        .unwrap()
        .header("authorization", "hunter2")
        .call(&hooks)
        .await
        .assert_handled();
    let [line] = &log.take()[..] else {
        panic!("one line")
    };
    assert!(
        line.contains("Shown") && !line.contains("hunter2") && !line.contains("api_key"),
        "{line}"
    );
    assert!(!format!("{hooks:?} {:?}", Hooks::builder(router![shows]).secret("hunter2")).contains("hunter2"));
}
