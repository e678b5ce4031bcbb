//! From a verified text to its handler: identify the event, find the handler, prepare the run.
//!
//! `Dispatcher` is generic over the router and its state. `Receiver` is not, so it holds the
//! dispatcher as a `dyn Dispatch`.

use std::any::Any;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::Span;

use super::work::{LetterKept, Work};
use crate::delivery::{
    self, Context, Contradiction, Delivery, DeliveryHeaders, Facts, Identity, Key, Keys, RunFacts,
};
use crate::disposition::{Disposition, Why};
use crate::event::EventType;
use crate::handler::{Attempt, Incoming, Outcome};
use crate::observe::{Counters, LogLimit, Report, limited};
use crate::payload::{AnyEvent, DecodeError, EventIdentity, OtherEvent, Parsed, parse};
use crate::router::{Routes, Start};
use crate::run::{self, Delivered, Job, Runner};
use crate::signature::VerifiedText;
use crate::store::DeadLetter;

/// A delivery with a valid signature, or a replay.
pub(crate) struct Arrival {
    pub(crate) headers: HeaderMap,
    pub(crate) context: Context,
    pub(crate) text: VerifiedText,
    pub(crate) received_at: SystemTime,
    /// The current time or an earlier one. A claim's lease is counted from it.
    pub(crate) now: Instant,
    /// The record and the source of a replayed dead letter. `None` for a delivery.
    pub(crate) replayed: Option<(Key, String)>,
    /// Held until the delivery is settled or waits for another one.
    pub(crate) permit: OwnedSemaphorePermit,
    pub(crate) report: Report,
}

/// The result of dispatching a delivery.
pub(crate) enum Dispatched {
    /// The event has no handler.
    Settled(Disposition),
    /// The work of running the event's handler.
    Work(Work),
}

/// Dispatch to handlers, without the types of the router and the state.
pub(crate) trait Dispatch: Send + Sync {
    /// Parses the event and finds its handler.
    ///
    /// # Errors
    ///
    /// An unsigned header names another event than the signed body.
    fn dispatch(self: Arc<Self>, arrival: Arrival) -> Result<Dispatched, Contradiction>;

    /// Counts and logs a delivery that got no permit.
    fn refused(&self, text: &VerifiedText, why: Why);
}

/// Dispatches events to the handlers of a router.
pub(super) struct Dispatcher<R, S> {
    pub(super) router: R,
    pub(super) state: S,
    pub(super) runner: Runner,
    pub(super) identity: Identity,
    pub(super) source: String,
    pub(super) counters: Arc<Counters>,
    pub(super) log: LogLimits,
}

/// The limits of the lines that one captured delivery can cause.
#[derive(Default)]
pub(super) struct LogLimits {
    contradiction: LogLimit,
    unnamed: LogLimit,
    idempotency_key: LogLimit,
    overloaded: LogLimit,
    last_refused: LogLimit,
}

/// The event of a delivery, parsed.
struct Identified {
    /// `None` for a body that is not an event.
    event_type: Option<EventType>,
    identity: EventIdentity,
    event: Result<AnyEvent, DecodeError>,
}

impl Identified {
    /// Returns the event's name. Empty for a body that is not an event.
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
        Ok(match self.route(identified.event_type.as_ref()) {
            Some(route) => Dispatched::Work(self.prepare(arrival, identified, route)),
            None => {
                self.counters.ignored.add();
                tracing::debug!(event = identified.name(), "ignored: no handler");
                Dispatched::Settled(Disposition::NoHandler)
            }
        })
    }

    fn refused(&self, text: &VerifiedText, why: Why) {
        let (event_type, identity) = match parse(text) {
            Parsed::Event {
                event_type, identity, ..
            } => (Some(event_type), identity),
            Parsed::NoEvent => (None, EventIdentity::default()),
        };
        let name = event_type.as_ref().map_or("", EventType::as_str);
        let event_id = identity.event_id.as_str(text);
        let _span = span(name, event_id, self.handler_name(event_type.as_ref())).entered();
        if why == Why::Busy {
            self.counters.overloaded.add();
            limited!(
                self.log.overloaded,
                warn,
                "too many deliveries are in flight: answered 503"
            );
        }
        if is_last(identity.execution_attempt) {
            self.counters.last_refused.add();
            limited!(
                self.log.last_refused,
                error,
                "the last delivery of the event is refused before the store was asked"
            );
        }
    }
}

impl<R, S> Dispatcher<R, S>
where
    R: Routes<S>,
    S: Send + Sync + 'static,
{
    /// Parses the event and checks the unsigned header that names it.
    fn identify(&self, arrival: &Arrival) -> Result<Identified, Contradiction> {
        let Parsed::Event {
            event_type,
            identity,
            event,
        } = parse(&arrival.text)
        else {
            self.check_unnamed(&arrival.headers);
            return Ok(Identified {
                event_type: None,
                identity: EventIdentity::default(),
                event: Ok(AnyEvent::Other(OtherEvent::new(&arrival.text))),
            });
        };
        let checked = DeliveryHeaders::new(&arrival.headers).check_event_type(event_type.as_str());
        if checked.is_err() {
            self.counters.contradictions.add();
            let event_id = identity.event_id.as_str(&arrival.text);
            let handler = self.handler_name(Some(&event_type));
            let _span = span(event_type.as_str(), event_id, handler).entered();
            limited!(
                self.log.contradiction,
                warn,
                "refused: {} names another event",
                delivery::EVENT_TYPE
            );
        }
        checked.map(|()| Identified {
            event_type: Some(event_type),
            identity,
            event,
        })
    }

    /// Reports a body without an event whose header names one, because an event may have been lost
    /// on the way to the signature.
    fn check_unnamed(&self, headers: &HeaderMap) {
        if let Some(event) = DeliveryHeaders::new(headers).listed_event() {
            self.counters.unnamed.add();
            limited!(
                self.log.unnamed,
                warn,
                %event,
                handler = self.handler_name(None),
                "{} names an event, and the signed body is none: it is not JSON, or has no `payload.event_type`",
                delivery::EVENT_TYPE
            );
        }
    }

    /// Finds the event's handler. Returns its position in the plan and the function that starts it.
    fn route(&self, event_type: Option<&EventType>) -> Option<(u16, Start<S>)> {
        let plan = self.router.plan();
        let handler = match event_type {
            Some(event_type) => plan.route(event_type),
            None => plan.fallback(),
        }?;
        Some((handler, *self.router.runs().get(usize::from(handler))?))
    }

    /// Returns the name of the event's handler for the log.
    fn handler_name(&self, event_type: Option<&EventType>) -> Option<&'static str> {
        let (handler, _) = self.route(event_type)?;
        Some(self.router.plan().name(handler))
    }

    /// Makes the work of running the handler.
    fn prepare(
        self: Arc<Self>,
        arrival: Arrival,
        identified: Identified,
        (handler, start): (u16, Start<S>),
    ) -> Work {
        let plan = self.router.plan();
        let event_id = identified.identity.event_id.as_str(&arrival.text);
        let span = span(identified.name(), event_id, Some(plan.name(handler)));
        let keys = span.in_scope(|| self.keys(&arrival, &identified));
        let last = arrival.replayed.is_none() && is_last(identified.identity.execution_attempt);
        let letter_kept = last.then(LetterKept::default);
        let transactional = plan.transaction(handler).is_some();
        let now = arrival.now;
        let replay_of = arrival.replayed.clone().map(|(_, source)| source);
        let report = arrival.report.clone();
        report.add(|reported| reported.handler = Some(plan.name(handler)));
        let (incoming, permit) = incoming(identified, arrival);
        let event = EventRun {
            dispatcher: Arc::clone(&self),
            replay_of: replay_of.clone(),
            start,
            incoming,
            letter_kept: letter_kept.clone(),
            report,
        };
        let work = async move {
            let job = Job {
                keys,
                now,
                replay_of,
                last,
                transactional,
                handler: event,
            };
            match self.runner.deliver(job).await {
                Delivered::Settled(disposition) => {
                    drop(permit);
                    disposition
                }
                Delivered::Running(record) => {
                    // A waiter holds no permit. Its body was dropped with the job.
                    drop(permit);
                    Box::pin(self.runner.wait_for_run(record)).await
                }
            }
        };
        Work::new(work, letter_kept, span)
    }

    /// Makes the keys of the event's record.
    fn keys(&self, arrival: &Arrival, identified: &Identified) -> Keys {
        let unsigned = DeliveryHeaders::new(&arrival.headers);
        let idempotency_key = unsigned.idempotency_key().unwrap_or_else(|()| {
            self.counters.idempotency_key_unusable.add();
            limited!(
                self.log.idempotency_key,
                warn,
                "an unusable idempotency key is treated as absent"
            );
            None
        });
        if let Some((event, _)) = &arrival.replayed {
            return Keys {
                event: *event,
                alias: None,
            };
        }
        let (identity, text) = (&identified.identity, &arrival.text);
        let facts = Facts {
            source: &self.source,
            event_type: identified.name(),
            event_id: identity.event_id.as_str(text),
            entity_id: identity.entity_id.as_str(text),
            occurred_at: identity.occurred_at.as_str(text),
            header: idempotency_key,
            text,
        };
        facts.keys(self.identity)
    }
}

/// An event and its handler.
struct EventRun<R, S> {
    dispatcher: Arc<Dispatcher<R, S>>,
    /// The source of a replayed dead letter.
    replay_of: Option<String>,
    start: Start<S>,
    incoming: Incoming,
    letter_kept: Option<LetterKept>,
    report: Report,
}

impl<R, S> run::EventHandler for EventRun<R, S>
where
    R: Routes<S>,
    S: Send + Sync + 'static,
{
    async fn run(&mut self, run: RunFacts, transaction: Option<Box<dyn Any + Send>>) -> Outcome {
        self.report.add(|reported| reported.attempt = Some(run.attempt));
        let mut inputs = Attempt::new(&mut self.incoming, run, transaction);
        (self.start)(inputs.incoming(), &self.dispatcher.state).await
    }

    fn failed(&self, error: &str) {
        self.report
            .add(|reported| reported.error = Some(error.to_owned()));
    }

    /// Reads the event again if the handler took it, because only dead letters need its consumer.
    fn letter(&self, error: String) -> DeadLetter {
        let delivery = &self.incoming.delivery;
        let again;
        let event = match &self.incoming.event {
            Some(event) => event,
            None => {
                again = AnyEvent::read(delivery.text());
                &again
            }
        };
        let source = self.replay_of.as_deref().unwrap_or(&self.dispatcher.source);
        DeadLetter::new(source, delivery.body().clone())
            .event(
                delivery.event_type().map_or("", EventType::as_str),
                delivery.event_id().unwrap_or_default(),
                delivery.entity_id().unwrap_or_default(),
                event.as_ref().map_or("", AnyEvent::consumer_id),
            )
            .context(delivery.context().clone())
            .error(error)
    }

    fn letter_was_kept(&self) {
        if let Some(kept) = &self.letter_kept {
            kept.set();
        }
    }
}

/// Makes the span of a delivery's lines in the log.
fn span(event: &str, id: &str, handler: Option<&'static str>) -> Span {
    tracing::info_span!("delivery", event, id, handler)
}

/// Tells if a delivery with this count can be Apideck's last one of an event.
///
/// Apideck delivers an event up to ten times within 24 hours (webhook guide). Its pauses add up to
/// more than that before the tenth, so the ninth can be the last. A count beyond 20 is not
/// Apideck's.
fn is_last(execution_attempt: Option<u32>) -> bool {
    execution_attempt.is_some_and(|attempt| (9..=20).contains(&attempt))
}

/// Makes the value from which a handler's parameters are taken.
fn incoming(identified: Identified, arrival: Arrival) -> (Incoming, OwnedSemaphorePermit) {
    let Identified {
        event_type,
        identity,
        event,
    } = identified;
    let delivery = Delivery::new(delivery::Inner {
        event_type,
        event_id: identity.event_id,
        entity_id: identity.entity_id,
        execution_attempt: identity.execution_attempt,
        headers: arrival.headers,
        context: arrival.context,
        text: arrival.text,
        received_at: arrival.received_at,
    });
    let incoming = Incoming {
        delivery,
        event: Some(event),
        transaction: None,
    };
    (incoming, arrival.permit)
}
