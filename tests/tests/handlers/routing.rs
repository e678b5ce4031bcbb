//! Routing of events to handlers.

use apideck_hooks::events::{self, *};
use apideck_hooks::{EventType, Hooks, State, on, router};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::{SECRET, server};
use std::sync::{Arc, Mutex};

/// A handler for each event of the table, in a list without `..`.
mod all {
    use super::events;
    use apideck_hooks::{EventType, Hooks, State, on, router};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    pub(super) struct Seen(pub(super) Arc<Mutex<Vec<EventType>>>);

    macro_rules! handlers {
        ($(($index:tt, $name:tt, $handler:ident, $family:ident, $doc:tt, $api:tt))*) => {
            $(
                #[on($name)]
                #[allow(non_snake_case)]
                async fn $handler(event: events::$handler, State(seen): State<Seen>) {
                    assert_eq!(event.event_type, EventType::$handler);
                    seen.0.lock().unwrap().push(EventType::$handler);
                }
            )*

            pub(super) fn receiver(seen: &Seen) -> Hooks {
                Hooks::builder(router![$($handler),*]).secret(super::SECRET).state(seen.clone()).build().unwrap()
            }
        };
    }

    apideck_hooks_macros::__events!(handlers);
}

#[tokio::test]
async fn every_listed_name_reaches_its_own_handler() {
    let seen = all::Seen::default();
    let addr = server::hyper(all::receiver(&seen)).await;
    for event in EventType::ALL {
        let delivery = Delivery::event(event.as_str(), "one-id-for-all");
        assert_eq!(delivery.send(addr).await.word(), "handled", "{event}");
    }
    assert_eq!(*seen.0.lock().unwrap(), EventType::ALL);
}

#[on("vault.*")]
async fn vault(event: ConnectionEvent, State(names): State<Names>) {
    names.add("vault", event.event_type.as_str());
}

#[on("vault.connection.token_refresh.*", unlisted = "vault.connection.paused")]
async fn refresh(event: ConnectionEvent, State(names): State<Names>) {
    names.add("refresh", event.event_type.as_str());
}

#[on("crm.*", "hris.employee.terminated")]
async fn people(event: ResourceEvent, State(names): State<Names>) {
    names.add("people", event.event_type.as_str());
}

#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl Names {
    fn add(&self, handler: &str, event: &str) {
        self.0.lock().unwrap().push(format!("{handler} {event}"));
    }
}

#[tokio::test]
async fn patterns_and_unlisted_names_are_routed_and_other_events_are_acknowledged() {
    let names = Names::default();
    let hooks = Hooks::builder(router![vault, refresh, people, ..])
        .secret(SECRET)
        .state(names.clone())
        .build()
        .unwrap();
    let addr = server::hyper(hooks).await;
    for (event, handler) in [
        ("vault.connection.created", Some("vault")),
        ("vault.connection.token_refresh.failed", Some("refresh")),
        ("vault.connection.paused", Some("refresh")),
        ("vault.connection.token_refresh.stalled", Some("refresh")),
        ("vault.consumer.created", Some("vault")),
        ("crm.lead.created", Some("people")),
        ("crm.lead.merged", Some("people")),
        ("hris.employee.terminated", Some("people")),
        ("hris.employee.created", None),
        ("accounting.bill.created", None),
        ("billing.invoice.paid", None),
        ("vault", None),
    ] {
        let word = Delivery::event(event, "e1").send(addr).await.word();
        let ran = std::mem::take(&mut *names.0.lock().unwrap());
        match handler {
            Some(handler) => {
                assert_eq!(
                    (word.as_str(), ran),
                    ("handled", vec![format!("{handler} {event}")])
                );
            }
            None => assert_eq!((word.as_str(), ran.len()), ("ignored", 0), "{event}"),
        }
    }
    // The body that validates a new URL is undocumented. The receiver requires only a valid
    // signature.
    for body in ["{}", "", "[]", "null", "\"ping\"", "{\"payload\":{}}", "not JSON"] {
        assert_eq!(Delivery::of(body).send(addr).await.word(), "ignored", "{body}");
    }
}
