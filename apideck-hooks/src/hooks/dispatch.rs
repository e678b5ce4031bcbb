//! From a verified text to the handler that runs for it: identify the event, find its handler, prepare the run.

use super::work::Work;
use crate::delivery::{self, Contradiction, Delivery, DeliveryHeaders, Identity, Key, Keys};
use crate::disposition::Disposition;
use crate::event::EventType;
use crate::handler::{Attempt, Incoming};
use crate::observe::Counters;
use crate::payload::{AnyEvent, DecodeError, EventIdentity, OtherEvent, Parsed, parse};
use crate::router::{Routes, Start};
use crate::run::{Job, Runner};
use crate::signature::VerifiedText;
use http::HeaderMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::Instrument;

/// A delivery whose signature is right.
pub(crate) struct Arrival {
    pub(crate) headers: HeaderMap,
    pub(crate) text: VerifiedText,
    pub(crate) received_at: SystemTime,
    /// The current time, or a moment before it. A claim's lease is counted from it.
    pub(crate) now: Instant,
    /// The record of the dead letter that is replayed.
    pub(crate) replayed: Option<Key>,
    /// Held until the delivery is settled.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// The result of dispatching a delivery.
pub(crate) enum Dispatched {
    /// It needs no handler.
    Settled(Disposition),
    /// A handler runs for it.
    Work(Work),
}

/// The handlers and their state, without their types.
pub(crate) trait Dispatch: Send + Sync {
    /// Reads the delivery and finds its handler.
    ///
    /// # Errors
    ///
    /// An unsigned header names another event than the signed body.
    fn dispatch(self: Arc<Self>, arrival: Arrival) -> Result<Dispatched, Contradiction>;
}

/// Dispatches to the handlers of a router.
pub(super) struct Dispatcher<R, S> {
    pub(super) router: R,
    pub(super) state: S,
    pub(super) runner: Runner,
    pub(super) identity: Identity,
    pub(super) source: String,
    pub(super) counters: Arc<Counters>,
}

/// The event of a delivery.
struct Identified {
    /// `None` for a body that is not an event.
    event_type: Option<EventType>,
    identity: EventIdentity,
    event: Result<AnyEvent, DecodeError>,
}

impl Identified {
    fn name(&self) -> &str {
        self.event_type.as_ref().map_or("", EventType::as_str)
    }
}

impl<R, S> Dispatch for Dispatcher<R, S>
where
    R: Routes<S>,
    S: Send + Sync + 'static,
{
    fn dispatch(self: Arc<Self>, arrival: Arrival) -> Result<Dispatched, Contradiction> {
        let identified = self.identify(&arrival)?;
        Ok(match self.route(&identified) {
            Some(route) => Dispatched::Work(self.prepare(arrival, identified, route)),
            None => {
                self.counters.ignored.add();
                tracing::debug!(event = identified.name(), "ignored: no handler");
                Dispatched::Settled(Disposition::NoHandler)
            }
        })
    }
}

impl<R, S> Dispatcher<R, S>
where
    R: Routes<S>,
    S: Send + Sync + 'static,
{
    /// Reads the event and compares it with the unsigned headers.
    fn identify(&self, arrival: &Arrival) -> Result<Identified, Contradiction> {
        let Parsed::Event {
            event_type,
            identity,
            event,
        } = parse(&arrival.text)
        else {
            return Ok(Identified {
                event_type: None,
                identity: EventIdentity::default(),
                event: Ok(AnyEvent::Other(OtherEvent::new(&arrival.text))),
            });
        };
        let agreed = DeliveryHeaders::new(&arrival.headers).agree(event_type.as_str());
        if agreed.is_err() {
            self.counters.contradictions.add();
            tracing::warn!(event = %event_type, "refused: {} names another event", delivery::EVENT_TYPE);
        }
        agreed.map(|()| Identified {
            event_type: Some(event_type),
            identity,
            event,
        })
    }

    /// Finds the event's handler: its position in the plan, and its start.
    fn route(&self, identified: &Identified) -> Option<(u16, Start<S>)> {
        let plan = self.router.plan();
        let handler = match &identified.event_type {
            Some(event_type) => plan.route(event_type),
            None => plan.fallback(),
        }?;
        Some((handler, *self.router.runs().get(usize::from(handler))?))
    }

    /// Makes the work of running the handler.
    fn prepare(
        self: Arc<Self>,
        arrival: Arrival,
        identified: Identified,
        (handler, start): (u16, Start<S>),
    ) -> Work {
        let keys = self.keys(&arrival, &identified);
        let plan = self.router.plan();
        let event_id = identified.identity.event_id.as_str(&arrival.text);
        let span = tracing::info_span!(
            "delivery",
            event = identified.name(),
            id = event_id,
            handler = plan.name(handler),
        );
        let Arrival {
            headers,
            text,
            received_at,
            now,
            replayed,
            permit,
        } = arrival;
        let Identified {
            event_type,
            identity,
            event,
        } = identified;
        let mut incoming = Incoming {
            delivery: Delivery::new(delivery::Inner {
                event_type,
                event_id: identity.event_id,
                entity_id: identity.entity_id,
                execution_attempt: identity.execution_attempt,
                headers,
                text: text.clone(),
                received_at,
            }),
            event: Some(event),
            transaction: None,
        };
        let transactional = plan.transaction(handler).is_some();
        let work = async move {
            let (dispatcher, incoming) = (&*self, &mut incoming);
            let job = Job {
                keys,
                now,
                text: &text,
                replay: replayed.is_some(),
                handler: move |attempt, transaction| {
                    let incoming = incoming;
                    let mut inputs = Attempt::new(incoming, attempt, transaction);
                    async move { start(inputs.incoming(), &dispatcher.state).await }
                },
            };
            let disposition = if transactional {
                // Boxed, because it is larger and less usual.
                Box::pin(dispatcher.runner.deliver_in_transaction(job)).await
            } else {
                dispatcher.runner.deliver(job).await
            };
            drop(permit);
            disposition
        };
        Work::new(work.instrument(span))
    }

    /// Makes the keys that the store is asked for.
    fn keys(&self, arrival: &Arrival, identified: &Identified) -> Keys {
        let unsigned = DeliveryHeaders::new(&arrival.headers);
        let idempotency_key = unsigned.idempotency_key().unwrap_or_else(|()| {
            self.counters.idempotency_key_unusable.add();
            tracing::warn!("an unusable idempotency key is treated as absent");
            None
        });
        if let Some(event) = arrival.replayed {
            return Keys {
                event,
                delivery: None,
            };
        }
        let (identity, text) = (&identified.identity, &arrival.text);
        delivery::keys(
            self.identity,
            &self.source,
            (
                identified.name(),
                identity.event_id.as_str(text),
                identity.entity_id.as_str(text),
            ),
            idempotency_key,
            text,
        )
    }
}
