//! Deliveries for unit tests of handlers and of their parameters.

use std::time::SystemTime;

use bytes::Bytes;

use super::event::Event;
use crate::delivery::{Context, Delivery, Inner, RunFacts, Signal, Token};
use crate::payload::{Parsed, parse};
use crate::signature::canonical::canonical;
use crate::signature::{Secret, VerifiedText};

impl Event {
    /// Makes the [`Delivery`] that a handler or a parameter of it gets, for a unit test.
    ///
    /// It has the headers of this event, an empty [`Context`], and the first attempt of a run with
    /// a claim. Its body is the form that is signed.
    ///
    /// ```
    /// use apideck_hooks::testing::Event;
    /// use apideck_hooks::{Delivery, FromDelivery, NoState, Permanent};
    ///
    /// struct Tenant(String);
    ///
    /// impl FromDelivery for Tenant {
    ///     type State = NoState;
    ///     type Error = Permanent<&'static str>;
    ///
    ///     async fn from_delivery(delivery: &Delivery, _: NoState) -> Result<Self, Self::Error> {
    ///         let tenant = delivery.context().get("tenant").ok_or(Permanent("no tenant"))?;
    ///         Ok(Tenant(tenant.to_owned()))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let delivery = Event::new("vault.connection.created").delivery();
    /// assert!(Tenant::from_delivery(&delivery, NoState).await.is_err());
    /// let delivery = delivery.with_context("tenant", "acme");
    /// let tenant = Tenant::from_delivery(&delivery, NoState).await.unwrap();
    /// assert_eq!(tenant.0, "acme");
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// A sorted form is to be signed, and the body has none.
    pub fn delivery(&self) -> Delivery {
        let body = self.body();
        let text = match self.form().sorting() {
            None => body,
            Some(sorting) => match canonical(&body, sorting) {
                Ok(sorted) => Bytes::from(sorted.into_text(&body)),
                Err(error) => panic!("{self}: the body has no sorted form: {error}"),
            },
        };
        let text = VerifiedText::kept(text);
        let (event_type, identity) = match parse(&text) {
            Parsed::Event {
                event_type, identity, ..
            } => (Some(event_type), identity),
            Parsed::NoEvent => Default::default(),
        };
        // Not a test's own secret, because no test can depend on the signature of a verified body.
        let secret = Secret::new("unit-test").unwrap_or_else(|error| panic!("{error}"));
        let mut delivery = Delivery::new(Inner {
            event_type,
            event_id: identity.event_id,
            entity_id: identity.entity_id,
            execution_attempt: identity.execution_attempt,
            headers: self.headers(&secret),
            context: Context::new(),
            text,
            received_at: SystemTime::now(),
            claim_lost: Signal::default(),
        });
        delivery.set_run(RunFacts {
            attempt: 1,
            token: Some(Token(1)),
        });
        delivery
    }
}
