//! An event and its handler, for a run.

use std::any::Any;
use std::sync::Arc;

use super::dispatch::Dispatcher;
use super::work::LetterKept;
use crate::delivery::{ClaimLost, RunFacts};
use crate::event::EventType;
use crate::handler::{Attempt, Incoming, Outcome};
use crate::observe::Report;
use crate::payload::AnyEvent;
use crate::router::{Routes, Start};
use crate::run;
use crate::store::DeadLetter;

/// An event and its handler.
pub(super) struct EventRun<R, S> {
    pub(super) dispatcher: Arc<Dispatcher<R, S>>,
    /// The source of a replayed dead letter.
    pub(super) replay_of: Option<String>,
    pub(super) start: Start<S>,
    pub(super) incoming: Incoming,
    pub(super) letter_kept: Option<LetterKept>,
    pub(super) report: Report,
}

impl<R, S> EventRun<R, S> {
    /// Returns the idempotency key of the delivery, for its later run.
    pub(super) fn idempotency_key(&self) -> Option<String> {
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
