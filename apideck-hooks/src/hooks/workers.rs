//! Workers, which run accepted events.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::Instrument;

use super::arrival::{Arrival, Course, OfWorker};
use super::build_error::BuildError;
use super::builder::HooksBuilder;
use super::checks;
use super::receiver::{Hooks, Receiver};
use crate::delivery::{Context, IDEMPOTENCY_KEY};
use crate::disposition::{Disposition, Why};
use crate::inbox::{Bench, Crew, Envelope, EnvelopeError, Kind, Workers};
use crate::limits::Limits;
use crate::observe::{Report, delivery_span};
use crate::router::Routes;
use crate::run::{FetchedClaim, Retry, Runner, WorkerPart};
use crate::signature::{VerifiedText, Verifier};
use crate::store::{End, Fetched, Pause, StoreError};

/// The result of [`Hooks::work`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "acknowledge a message only if its event is `Done` or `DeadLettered`"]
#[non_exhaustive]
pub enum Worked {
    /// The event was handled or ignored, now or before. Acknowledge the message.
    Done,
    /// The handler failed. Deliver the message again after this time.
    Retry(std::time::Duration),
    /// The event did not run: it runs elsewhere, rests, is paused, or has no handler here. Deliver
    /// the message again after this time.
    NotNow(std::time::Duration),
    /// The event was dead-lettered, now or before, and its letter is kept. Acknowledge the message.
    DeadLettered,
}

/// The time after which an event without a handler is looked at again.
const WITHOUT_HANDLER: std::time::Duration = std::time::Duration::from_secs(60);

impl Hooks {
    /// Runs accepted events, until a [`shutdown`](Hooks::shutdown) begins and the running ones have
    /// ended. Poll the future beside the server, and join them, so that neither cuts the other off.
    ///
    /// If the future is dropped, the running handlers are stopped, as at the end of a shutdown's
    /// grace period.
    ///
    /// ```no_run
    /// # use apideck_hooks::{Hooks, Workers};
    /// # type Failed = Box<dyn std::error::Error>;
    /// # async fn run(hooks: Hooks, listener: tokio::net::TcpListener) -> Result<(), Failed> {
    /// let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    /// let workers = hooks.workers(Workers::new().concurrency(16));
    /// # #[cfg(feature = "signal")]
    /// let stop = hooks.shutdown_on_signal(std::time::Duration::from_secs(20));
    /// # #[cfg(not(feature = "signal"))]
    /// # let stop = async {};
    /// let serve = async { axum::serve(listener, app).with_graceful_shutdown(stop).await };
    /// let (served, worked) = tokio::join!(serve, workers);
    /// served?;
    /// worked?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The store has no inbox, or the concurrency is zero.
    pub fn workers(&self, workers: Workers) -> impl Future<Output = Result<(), BuildError>> + Send + use<> {
        let receiver = Arc::clone(&self.receiver);
        async move {
            checks::check_inbox(&*receiver.store)?;
            checks::check_workers(&workers)?;
            receiver.has_workers.store(true, Ordering::Relaxed);
            let limits = Limits {
                max_attempts: workers.retry.max_attempts(),
                handler_timeout: workers.timeout.unwrap_or(receiver.limits.handler_timeout),
                ..receiver.limits.clone()
            };
            let phase = receiver.phase.subscribe();
            let runner = Runner::new(&receiver.store, &limits, &receiver.observers, phase.clone());
            tracing::info!(?workers, "workers have begun");
            let crew = Crew {
                store: Arc::clone(&receiver.store),
                source: receiver.source.clone(),
                runner: Arc::clone(&runner),
                lease: limits.lease,
                store_timeout: limits.store_timeout,
                phase,
                working: receiver.working.clone(),
                bench: Arc::new(Handlers {
                    retry: workers.retry,
                    runner,
                    receiver,
                }),
                settings: workers,
            };
            Arc::new(crew).work().await;
            tracing::info!("workers have ended");
            Ok(())
        }
    }

    /// Runs the event of an envelope that an [`Inbox`](crate::Inbox) of your own has carried.
    ///
    /// The event is claimed in the store, so duplicates and redeliveries of the message are found.
    /// The attempts are counted there too: let the broker deliver a message without a limit. The
    /// policy is [`HooksBuilder::retry`].
    ///
    /// A run takes up to [`handler_timeout`](HooksBuilder::handler_timeout). If the broker delivers
    /// a message again after a time, put that time off while this runs. Choose a time longer than
    /// the [`lease`](HooksBuilder::lease), so that the event of a dead process can run when its
    /// message comes again.
    ///
    /// The caller is trusted: an envelope is checked by its seal only if the receiver that made it
    /// and this one have a secret.
    ///
    /// # Errors
    ///
    /// The envelope is refused: its seal does not match, it is of another source, or the store
    /// keeps no dead letters. Put the message aside and do not acknowledge it.
    pub async fn work(&self, envelope: Envelope) -> Result<Worked, EnvelopeError> {
        let receiver = &self.receiver;
        if receiver.store.dead_letters().is_none() {
            return Err(EnvelopeError::new(
                "the store keeps no dead letters, so an event that fails for good would be lost",
            ));
        }
        let key = envelope.idempotency_key().map(str::to_owned);
        let (name, accepted_at) = (envelope.event_type().to_owned(), envelope.accepted_at());
        let (context, body) = envelope.open(&receiver.seals, &receiver.source)?;
        let not_now = |why| {
            let Disposition::Later { after, .. } = Disposition::later(why) else {
                return Worked::NotNow(WITHOUT_HANDLER);
            };
            Worked::NotNow(after)
        };
        match receiver.is_paused(&name).await {
            Ok(false) => {}
            Ok(true) => return Ok(not_now(Why::Running)),
            Err(error) => {
                tracing::error!(%error, "the pauses of accepted events could not be read");
                return Ok(not_now(Why::Store));
            }
        }
        let permit = match receiver.admit() {
            Ok(permit) => permit,
            Err(why) => return Ok(not_now(why)),
        };
        let now = Instant::now();
        let age = accepted_at.elapsed().unwrap_or_default();
        let part = WorkerPart {
            retry: receiver.retry,
            age: (age, now),
            jitter: Retry::random(),
            fetched: None,
        };
        let runner = Arc::clone(&receiver.worker);
        let worker = OfWorker { runner, part };
        let arrival = arrival(key.as_deref(), context, body, accepted_at, worker, permit);
        let run = receiver.run_arrival(arrival);
        let worked = match run.instrument(delivery_span()).await {
            None => Worked::NotNow(WITHOUT_HANDLER),
            Some(Disposition::Handled | Disposition::Ignored | Disposition::Duplicate) => Worked::Done,
            Some(Disposition::DeadLettered | Disposition::Unprocessable) => Worked::DeadLettered,
            Some(Disposition::Later {
                why: Why::Asked,
                after,
            }) => Worked::Retry(after),
            Some(Disposition::Later { after, .. }) => Worked::NotNow(after),
            Some(_) => not_now(Why::Running),
        };
        Ok(worked)
    }
}

impl<R, S> HooksBuilder<R, S> {
    /// Runs accepted events in a process without a receiver, which needs no secret. Receivers of
    /// other processes accept them.
    ///
    /// ```no_run
    /// # #[cfg(feature = "postgres")]
    /// # async fn run(
    /// #     pool: apideck_hooks::sqlx::PgPool,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// # use apideck_hooks::{Hooks, PostgresInbox, Workers, router};
    /// Hooks::builder(router![..])
    ///     .source("billing")
    ///     .inbox(PostgresInbox::new(pool))
    ///     .workers(Workers::new().concurrency(64))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build) and [`Hooks::workers`].
    pub async fn workers(mut self, workers: Workers) -> Result<(), BuildError>
    where
        R: Routes<S>,
        S: Send + Sync + 'static,
    {
        let secrets = std::mem::take(&mut self.settings.secrets);
        let verifier = if secrets.is_empty() {
            Verifier::without_secrets()
        } else {
            checks::verifier(secrets, self.settings.forms)?
        };
        let hooks = self.build_with(verifier)?;
        #[cfg(feature = "signal")]
        if let Some(grace) = workers.grace {
            let shutdown = hooks.shutdown_on_signal(grace);
            let working = hooks.workers(workers);
            let mut working = std::pin::pin!(working);
            return tokio::select! {
                ended = &mut working => ended,
                () = shutdown => working.await,
            };
        }
        hooks.workers(workers).await
    }
}

/// The handlers of a receiver, for its workers.
struct Handlers {
    receiver: Arc<Receiver>,
    runner: Arc<Runner>,
    retry: Retry,
}

impl Bench for Handlers {
    fn kind(&self, event_type: &str) -> Option<Kind> {
        self.receiver.dispatch.kind(event_type)
    }

    fn has(&self, kind: Kind) -> bool {
        let mut handlers = self.receiver.dispatch.handlers().into_iter();
        handlers.any(|handler| handler.transaction.is_some() == (kind == Kind::Transactional))
    }

    fn run(
        self: Arc<Self>,
        fetched: Fetched,
        lease_end: Instant,
        slot: OwnedSemaphorePermit,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let Fetched {
            grant,
            attempt,
            since_first_run,
            accepted_at,
            idempotency_key,
            kept,
        } = fetched;
        let worker = OfWorker {
            runner: Arc::clone(&self.runner),
            part: WorkerPart {
                retry: self.retry,
                age: (since_first_run, Instant::now()),
                jitter: Retry::random(),
                fetched: Some(FetchedClaim {
                    grant,
                    attempt,
                    lease_end,
                }),
            },
        };
        let key = idempotency_key.as_deref();
        let arrival = arrival(key, kept.context, kept.body, accepted_at, worker, slot);
        let run = async move {
            match self.receiver.run_arrival(arrival).await {
                Some(disposition) => tracing::info!("worked off: {disposition}"),
                // Only if the event's name was too long for the store.
                None => {
                    let withdrawn = self.receiver.store.finish(grant, End::Withdraw).await;
                    tracing::error!(?withdrawn, "a fetched event has no handler: it waits again");
                }
            }
        };
        Box::pin(run.instrument(delivery_span()))
    }
}

/// Makes the arrival of an event that a store or an envelope has kept.
fn arrival(
    idempotency_key: Option<&str>,
    context: Context,
    body: Bytes,
    accepted_at: SystemTime,
    worker: OfWorker,
    permit: OwnedSemaphorePermit,
) -> Arrival {
    let mut headers = HeaderMap::new();
    if let Some(Ok(key)) = idempotency_key.map(HeaderValue::from_str) {
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    Arrival {
        headers,
        context,
        text: VerifiedText::kept(body),
        received_at: accepted_at,
        now: Instant::now(),
        replayed: None,
        worker: Some(Box::new(worker)),
        permit,
        report: Report::default(),
    }
}

impl Receiver {
    /// Runs an arrival in this task. `None` if the event has no handler.
    async fn run_arrival(&self, arrival: Arrival) -> Option<Disposition> {
        match Arc::clone(&self.dispatch).dispatch(arrival).course {
            Course::Work(work) => Some(work.in_this_task().await),
            // An arrival has no header that names an event, so it contradicts nothing.
            Course::Settled(_) | Course::Contradicted => None,
        }
    }

    /// Tells if the events of this name are paused. A store without an inbox pauses nothing.
    async fn is_paused(&self, event_type: &str) -> Result<bool, StoreError> {
        let Some(inbox) = self.store.inbox() else {
            return Ok(false);
        };
        let pauses = inbox.pauses(&self.source).await?;
        let mut pauses = pauses.iter();
        Ok(pauses.any(|pause| Pause::is_match(&pause.pattern, event_type)))
    }
}
