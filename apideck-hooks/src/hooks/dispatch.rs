//! From a verified text to its handler: identify the event, find the handler, prepare the run.
//!
//! `Dispatcher` is generic over the router and its state. `Receiver` is not, so it holds the
//! dispatcher as a `dyn Dispatch`.

use std::any::Any;
use std::sync::Arc;

use http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;

use super::arrival::{Arrival, Course, Dispatched, OfWorker};
use super::description::HandlerDescription;
use super::identified::Identified;
use super::work::{LetterKept, Work};
use crate::delivery::{self, ClaimLost, Delivery, DeliveryHeaders, Facts, Identity, Keys, RunFacts};
use crate::disposition::{Disposition, Why};
use crate::event::EventType;
use crate::handler::{Attempt, Incoming, Outcome};
use crate::inbox::{Acceptor, Kind};
use crate::observe::{About, IncidentKind, LogLimit, Observers, Report, limited};
use crate::payload::{AnyEvent, Timestamp};
use crate::router::{Routes, Start};
use crate::run::{self, EventHandler, Job, Runner};
use crate::signature::VerifiedText;
use crate::store::{Acceptance, DeadLetter};

/// Dispatch to handlers, without the types of the router and the state.
pub(crate) trait Dispatch: Send + Sync {
    /// Parses the event and finds its handler. Call it in the span of the delivery.
    fn dispatch(self: Arc<Self>, arrival: Arrival) -> Dispatched;

    /// Tells of a delivery that got no permit. Returns its event, if there is an observer.
    fn refused(&self, headers: &HeaderMap, text: &VerifiedText, why: Why) -> Option<Arc<About>>;

    /// Returns how workers run an event of this name. `None` without a handler.
    fn kind(&self, event_type: &str) -> Option<Kind>;

    /// Describes the handlers.
    fn handlers(&self) -> Vec<HandlerDescription>;

    /// Returns the number of duplicates that wait.
    fn waiting(&self) -> u64;
}

/// Dispatches events to the handlers of a router.
pub(super) struct Dispatcher<R, S> {
    pub(super) router: R,
    pub(super) state: S,
    pub(super) runner: Arc<Runner>,
    /// Present if the receiver has an inbox.
    pub(super) acceptor: Option<Arc<Acceptor>>,
    pub(super) identity: Identity,
    pub(super) source: String,
    pub(super) observers: Arc<Observers>,
    pub(super) log: LogLimits,
}

/// The limits of the lines that one captured delivery can cause.
#[derive(Default)]
pub(super) struct LogLimits {
    unnamed: LogLimit,
    idempotency_key: LogLimit,
    overloaded: LogLimit,
    last_refused: LogLimit,
}

impl<R, S> Dispatch for Dispatcher<R, S>
where
    R: Routes<S>,
    S: Send + Sync + 'static,
{
    fn dispatch(self: Arc<Self>, arrival: Arrival) -> Dispatched {
        let identified = Identified::of(&arrival.text);
        let route = self.route(&identified);
        let about = self.told(&arrival.headers, &arrival.text, &identified, route);
        let about = about.map(|about| {
            Arc::new(About {
                replay: arrival.replayed.is_some(),
                worker: arrival.worker.is_some(),
                ..about
            })
        });
        let course = match route {
            _ if self.is_contradicted(&arrival.headers, &identified, about.as_deref()) => {
                Course::Contradicted
            }
            Some(route) => Course::Work(self.prepare(arrival, identified, route, about.clone())),
            None => Course::Settled(Disposition::NoHandler),
        };
        Dispatched { about, course }
    }

    fn refused(&self, headers: &HeaderMap, text: &VerifiedText, why: Why) -> Option<Arc<About>> {
        let identified = Identified::of(text);
        let route = self.route(&identified);
        let about = self.told(headers, text, &identified, route);
        if why == Why::Busy {
            limited!(
                self.log.overloaded,
                warn,
                "too many deliveries are in flight: answered 503"
            );
        }
        if is_last(identified.identity.execution_attempt) {
            self.observers
                .incident(IncidentKind::LastRefused, about.as_ref(), None);
            limited!(
                self.log.last_refused,
                error,
                "the last delivery of the event is refused before the store was asked"
            );
        }
        about.map(Arc::new)
    }

    fn kind(&self, event_type: &str) -> Option<Kind> {
        let plan = self.router.plan();
        // A body that is not an event is kept under the empty name.
        let handler = if event_type.is_empty() {
            plan.fallback()
        } else {
            plan.route(&EventType::from(event_type))
        }?;
        Some(match plan.transaction(handler) {
            Some(_) => Kind::Transactional,
            None => Kind::Plain,
        })
    }

    fn handlers(&self) -> Vec<HandlerDescription> {
        let plan = self.router.plan();
        let entries = plan.entries().iter().enumerate();
        let described = entries.map(|(handler, entry)| HandlerDescription {
            name: entry.name,
            events: plan.events(handler).collect(),
            transaction: entry.handler.transaction,
        });
        described.collect()
    }

    fn waiting(&self) -> u64 {
        self.runner.waiting()
    }
}

impl<R, S> Dispatcher<R, S>
where
    R: Routes<S>,
    S: Send + Sync + 'static,
{
    /// Records the event in the span of the delivery, and copies its facts if there is an observer.
    fn told(
        &self,
        headers: &HeaderMap,
        text: &VerifiedText,
        identified: &Identified,
        route: Option<(u16, Start<S>)>,
    ) -> Option<About> {
        let handler = route.map(|(handler, _)| self.router.plan().name(handler));
        identified.record(text, handler);
        self.observers
            .any()
            .then(|| identified.about(headers, text, handler))
    }

    /// Checks the unsigned header that names the event. Returns `true` if it names another one.
    fn is_contradicted(&self, headers: &HeaderMap, identified: &Identified, about: Option<&About>) -> bool {
        let headers = DeliveryHeaders::new(headers);
        if let Some(event_type) = &identified.event_type {
            return headers.check_event_type(event_type.as_str()).is_err();
        }
        // An event may have been lost on the way to the signature.
        if let Some(event) = headers.listed_event() {
            self.observers.incident(IncidentKind::Unnamed, about, None);
            limited!(
                self.log.unnamed,
                warn,
                %event,
                "{} names an event, and the signed body is none: it is not JSON, or has no `payload.event_type`",
                delivery::EVENT_TYPE
            );
        }
        false
    }

    /// Finds the event's handler. Returns its position in the plan and the function that starts it.
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
        mut arrival: Arrival,
        identified: Identified,
        (handler, start): (u16, Start<S>),
        about: Option<Arc<About>>,
    ) -> Work {
        let mut worker = arrival.worker.take();
        let keys = self.keys(&arrival, &identified, worker.as_deref(), about.as_deref());
        let delivered = arrival.replayed.is_none() && worker.is_none();
        let last = delivered && is_last(identified.identity.execution_attempt);
        let letter_kept = last.then(LetterKept::default);
        let transactional = self.router.plan().transaction(handler).is_some();
        let now = arrival.now;
        let replay_of = arrival.replayed.clone().map(|(_, source)| source);
        let acceptor = self.acceptor.clone();
        let acceptor = acceptor.filter(|_| delivered && !self.router.plan().is_inline(handler));
        let lane = acceptor
            .is_some()
            .then(|| identified.lane(&self.source, &arrival.text));
        let runner = Arc::clone(worker.as_ref().map_or(&self.runner, |worker| &worker.runner));
        let report = arrival.report.clone();
        report.add(|reported| reported.handler = Some(self.router.plan().name(handler)));
        let (incoming, permit) = incoming(identified, arrival);
        let job = Job {
            keys,
            now,
            replay_of: replay_of.clone(),
            last,
            transactional,
            worker: worker.take().map(|worker| Box::new(worker.part)),
            _permit: permit,
            handler: EventRun {
                dispatcher: self,
                replay_of,
                start,
                incoming,
                letter_kept: letter_kept.clone(),
                report,
            },
            about,
        };
        match (acceptor, lane) {
            (Some(acceptor), Some((lane, occurred_at))) => {
                let acceptance = Acceptance {
                    event: keys.event,
                    alias: keys.alias,
                    lane,
                    occurred_at,
                    idempotency_key: job.handler.idempotency_key(),
                    kept: job.handler.letter(String::new()),
                };
                Work::new(acceptor.accept(job, acceptance), None)
            }
            _ => Work::new(runner.deliver(job), letter_kept),
        }
    }

    /// Makes the keys of the event's record.
    fn keys(
        &self,
        arrival: &Arrival,
        identified: &Identified,
        worker: Option<&OfWorker>,
        about: Option<&About>,
    ) -> Keys {
        let unsigned = DeliveryHeaders::new(&arrival.headers);
        let idempotency_key = unsigned.idempotency_key().unwrap_or_else(|()| {
            self.observers
                .incident(IncidentKind::IdempotencyKeyUnusable, about, None);
            limited!(
                self.log.idempotency_key,
                warn,
                "an unusable idempotency key is treated as absent"
            );
            None
        });
        let fetched = worker.and_then(|worker| Some(worker.part.fetched.as_ref()?.grant.record));
        if let Some(event) = arrival.replayed.as_ref().map(|(event, _)| *event).or(fetched) {
            return Keys { event, alias: None };
        }
        let (identity, text) = (&identified.identity, &arrival.text);
        let facts = Facts {
            source: &self.source,
            event_type: identified.name(),
            event_id: identity.event_id.as_str(text),
            entity_id: identity.entity_id.as_str(text),
            occurred_at: identity.occurred_at.as_ref().map_or("", Timestamp::as_str),
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

impl<R, S> EventRun<R, S> {
    /// Returns the idempotency key of the delivery, for its later run.
    fn idempotency_key(&self) -> Option<String> {
        self.incoming.delivery.idempotency_key().map(str::to_owned)
    }
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

    fn claim_lost(&self) -> ClaimLost {
        self.incoming.delivery.signal_of_claim_lost()
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
        claim_lost: delivery::Signal::default(),
    });
    let incoming = Incoming {
        delivery,
        event: Some(event),
        transaction: None,
    };
    (incoming, arrival.permit)
}
