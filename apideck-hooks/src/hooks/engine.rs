//! From a verified text to the answer: what it is, its claim, its handler.

use super::{Limits, Stats, Work};
use crate::delivery::{self, Delivery, DeliveryHeaders, Key, Keys};
use crate::handler::{Incoming, Lent};
use crate::idempotency::{Job, Runner};
use crate::payload::{AnyEvent, OtherEvent, Parsed, Raw, parse};
use crate::router::Routes;
use crate::service::Answer;
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::Instrument;

/// A delivery whose signature is right.
pub(crate) struct Arrival {
    pub(crate) headers: HeaderMap,
    /// The verified text.
    pub(crate) text: Bytes,
    pub(crate) received_at: SystemTime,
    /// Now, or a moment ago: from then on a claim holds.
    pub(crate) now: Instant,
    /// The record, where it is known already: a dead letter that is replayed.
    pub(crate) record: Option<Key>,
    /// Held until the delivery is settled.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// The handlers and their state, without their types.
pub(crate) trait Engine: Send + Sync {
    /// Reads the delivery and finds its handler: what is to be done, or the answer where that is nothing.
    fn take(self: Arc<Self>, arrival: Arrival) -> Result<Work, Answer>;
}

pub(crate) struct Handlers<R, S> {
    pub(crate) router: R,
    pub(crate) state: S,
    pub(crate) runner: Runner,
    pub(crate) limits: Limits,
    pub(crate) stats: Arc<Stats>,
}

impl<R, S> Engine for Handlers<R, S>
where
    R: Routes<S>,
    S: Send + Sync + 'static,
{
    fn take(self: Arc<Self>, arrival: Arrival) -> Result<Work, Answer> {
        let Arrival {
            headers,
            text,
            received_at,
            now,
            record,
            permit,
        } = arrival;
        let unsigned = DeliveryHeaders::new(&headers);
        let (event_type, identity, event) = match parse(&text) {
            Parsed::Event {
                event_type,
                identity,
                event,
            } => (Some(event_type), identity, event),
            Parsed::NoEvent => {
                let other = OtherEvent {
                    raw: Raw::new(text.clone()),
                };
                (None, Default::default(), Ok(AnyEvent::Other(other)))
            }
        };
        if let Some(event_type) = &event_type
            && unsigned.contradict(event_type.as_str())
        {
            self.stats.contradictions.add();
            tracing::warn!(event = %event_type, "refused: {} names another event", delivery::EVENT_TYPE);
            return Err(Answer::Contradiction);
        }
        let name = event_type.as_ref().map_or("", |event_type| event_type.as_str());
        let plan = self.router.plan();
        let route = match &event_type {
            Some(event_type) => plan.route(event_type),
            None => plan.fallback(),
        };
        let find = |route| Some((route, *self.router.runs().get(usize::from(route))?));
        let Some((route, run)) = route.and_then(find) else {
            self.stats.ignored.add();
            tracing::debug!(event = name, "ignored: no handler is for it");
            return Err(Answer::Ignored);
        };
        let idempotency_key = unsigned.idempotency_key().unwrap_or_else(|()| {
            self.stats.idempotency_key_unusable.add();
            tracing::warn!("an unusable idempotency key is treated as absent");
            None
        });
        let replay = record.is_some();
        let keys = match record {
            Some(event) => Keys {
                event,
                delivery: None,
            },
            None => delivery::keys(
                self.limits.identity,
                &self.limits.source,
                (
                    name,
                    identity.event_id.as_str(&text),
                    identity.entity_id.as_str(&text),
                ),
                idempotency_key,
                &text,
            ),
        };
        let span = tracing::info_span!(
            "delivery",
            event = name,
            id = identity.event_id.as_str(&text),
            handler = plan.name(route),
        );
        let body = text.clone();
        let delivery = Delivery::new(delivery::Inner {
            event_type,
            event_id: identity.event_id,
            entity_id: identity.entity_id,
            execution_attempt: identity.execution_attempt,
            headers,
            body: text,
            received_at,
        });
        let mut incoming = Incoming {
            delivery,
            event: Some(event),
            transaction: None,
        };
        let work = async move {
            let (handlers, incoming) = (&*self, &mut incoming);
            let job = Job {
                keys,
                now,
                body: &body,
                replay,
                handler: move |attempt, transaction| {
                    let incoming = incoming;
                    let mut lent = Lent::new(incoming, attempt, transaction);
                    async move { run(lent.incoming(), &handlers.state).await }
                },
            };
            let answer = if plan.transaction(route).is_some() {
                // Boxed: it is the larger one, and the less usual.
                Box::pin(handlers.runner.run_in_transaction(job)).await
            } else {
                handlers.runner.run(job).await
            };
            drop(permit);
            answer
        };
        Ok(Work::new(work.instrument(span)))
    }
}
