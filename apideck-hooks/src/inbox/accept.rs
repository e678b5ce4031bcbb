//! Accepting a delivery.
//!
//! # How it works
//!
//! The gate comes first, because it costs nothing. The store then decides in one operation: the
//! event is accepted, or it was before, or it is settled. An event that another delivery runs was
//! not accepted. It can still fail, so this delivery waits for that run as a duplicate does.
//!
//! If the answer of the store is lost, the event may be accepted. The delivery is refused, comes
//! again, and is then one of an accepted event.

use std::sync::Arc;

use super::envelope::Envelope;
use super::gate::Gate;
use super::put::Inbox;
use crate::disposition::Disposition;
use crate::observe::StoreOperation;
use crate::run::{EventHandler, Job, Runner};
use crate::signature::Seals;
use crate::store::{AcceptVerdict, Acceptance, Accepted, Store, StoreError};

/// Accepts deliveries for workers.
pub(crate) struct Acceptor {
    pub(crate) target: Target,
    pub(crate) runner: Arc<Runner>,
}

/// The inbox of an acceptor.
pub(crate) enum Target {
    /// The store's own.
    Store { store: Arc<dyn Store>, gate: Arc<Gate> },
    /// One of the user's.
    User { inbox: Arc<dyn Inbox>, seals: Seals },
}

impl Acceptor {
    /// Accepts the event of a job.
    pub(crate) async fn accept<H: EventHandler>(
        self: Arc<Self>,
        job: Job<H>,
        acceptance: Acceptance,
    ) -> Disposition {
        let accepted = match &self.target {
            Target::Store { store, gate } => {
                if let Some(why) = gate.closed().await {
                    self.runner.last_refused(&job, "the inbox is full");
                    return Disposition::later(why);
                }
                self.accept_in_store(&**store, gate, acceptance).await
            }
            Target::User { inbox, seals } => self.put(&**inbox, seals, acceptance).await,
        };
        let verdict = match accepted {
            Ok(verdict) => verdict,
            Err(error) => return Box::pin(self.runner.run_without_store(job, error)).await,
        };
        match verdict.verdict {
            AcceptVerdict::Yes { new } => {
                if !new {
                    tracing::info!("the event was accepted before");
                }
                Disposition::Accepted
            }
            AcceptVerdict::Done => Disposition::Duplicate,
            AcceptVerdict::Dead => {
                tracing::info!("the event was dead-lettered before");
                Disposition::Duplicate
            }
            AcceptVerdict::Running { .. } => {
                drop(job);
                Box::pin(self.runner.wait_for_run(verdict.record)).await
            }
        }
    }

    async fn accept_in_store(
        &self,
        store: &dyn Store,
        gate: &Gate,
        acceptance: Acceptance,
    ) -> Result<Accepted, StoreError> {
        let Some(inbox) = store.inbox() else {
            return Err(StoreError::new("the store no longer has an inbox"));
        };
        let accept = inbox.accept(acceptance);
        let accepted = self.runner.call(StoreOperation::Accept, accept).await?;
        if accepted.verdict == (AcceptVerdict::Yes { new: true }) {
            gate.count();
        }
        Ok(accepted)
    }

    /// Puts the event into the user's inbox.
    async fn put(
        &self,
        inbox: &dyn Inbox,
        seals: &Seals,
        acceptance: Acceptance,
    ) -> Result<Accepted, StoreError> {
        let record = acceptance.event;
        let envelope = Envelope::new(acceptance, seals);
        let put = async {
            let put = inbox.put(&envelope).await;
            put.map_err(|error| {
                StoreError::new(format!("the event could not be put into the inbox: {error}"))
            })
        };
        self.runner.call(StoreOperation::Put, put).await?;
        Ok(Accepted {
            record,
            verdict: AcceptVerdict::Yes { new: true },
        })
    }
}
