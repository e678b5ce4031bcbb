//! From a verified text to the answer: what it is, its claim, its handler.

use super::{Limits, Stats};
use crate::delivery::{self, Delivery, DeliveryHeaders, Key, Keys};
use crate::handler::Incoming;
use crate::idempotency::{Job, Runner};
use crate::payload::{AnyEvent, OtherEvent, Parsed, Raw, parse};
use crate::router::Routes;
use crate::service::Answer;
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// A delivery whose signature is right.
pub(crate) struct Arrival {
    pub(crate) headers: HeaderMap,
    /// The verified text.
    pub(crate) text: Bytes,
    pub(crate) received_at: jiff::Timestamp,
    /// The record, where it is known already: a dead letter that is replayed.
    pub(crate) record: Option<Key>,
    /// Held until the delivery is settled.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// The handlers and their state, without their types.
pub(crate) trait Engine: Send + Sync {
    /// Settles the delivery in a task of its own, which outlives the connection.
    fn spawn(self: Arc<Self>, arrival: Arrival) -> JoinHandle<Answer>;
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
    fn spawn(self: Arc<Self>, arrival: Arrival) -> JoinHandle<Answer> {
        // In the span of the request, if a layer around us has one.
        tokio::spawn(async move { self.settle(arrival).await }.in_current_span())
    }
}

impl<R, S> Handlers<R, S>
where
    R: Routes<S>,
    S: Send + Sync + 'static,
{
    async fn settle(&self, arrival: Arrival) -> Answer {
        let Arrival {
            headers,
            text,
            received_at,
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
            return Answer::Contradiction;
        }
        let name = event_type.as_ref().map_or("", |event_type| event_type.as_str());
        let plan = self.router.plan();
        let route = match &event_type {
            Some(event_type) => plan.route(event_type),
            None => plan.fallback(),
        };
        let Some(route) = route else {
            self.stats.ignored.add();
            tracing::debug!(event = name, "ignored: no handler is for it");
            return Answer::Ignored;
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
                (name, &identity.event_id, &identity.entity_id),
                idempotency_key,
                &text,
            ),
        };
        let span = tracing::info_span!(
            "delivery",
            event = name,
            id = identity.event_id.as_str(),
            handler = plan.name(route),
        );
        let idempotency_key = idempotency_key.map(str::to_owned);
        let body = text.clone();
        let transactional = plan.transaction(route).is_some();
        let handler = |attempt, transaction| async move {
            let delivery = Delivery::new(delivery::Inner {
                event_type,
                event_id: identity.event_id,
                entity_id: identity.entity_id,
                idempotency_key,
                execution_attempt: identity.execution_attempt,
                attempt,
                headers,
                body: text,
                received_at,
            });
            let mut incoming = Incoming {
                delivery,
                event: Some(event),
                transaction,
            };
            self.router.dispatch(route, &mut incoming, &self.state).await
        };
        let job = Job {
            keys,
            body,
            replay,
            handler,
        };
        let answer = if transactional {
            // Boxed: it is the larger one, and the less usual.
            Box::pin(self.runner.run_in_transaction(job))
                .instrument(span)
                .await
        } else {
            self.runner.run(job).instrument(span).await
        };
        drop(permit);
        answer
    }
}
