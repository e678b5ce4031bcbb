//! The run of one statement on one connection.
//!
//! # How it works
//!
//! sqlx cannot use a connection whose statement was dropped half-way, and the server goes on with
//! the statement. So a statement and its connection are one future, [`Running`], that is never
//! dropped half-way. If its caller drops it or its time is over, a task cancels the statement in
//! the server, waits for its end, withdraws a claim that was granted all the same, and only then
//! lets go of the connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sqlx::postgres::PgRow;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::call::Call;
use super::connections::{Backend, Connections, Session};
use super::errors::{explain, is_answer, is_conflict, is_lane_taken};
use super::row::unexpected;
use crate::store::{ClaimId, StoreError};

/// Maximum time of a call. The time limits of the server end it earlier, except behind a pooler.
const LONGEST_CALL: Duration = Duration::from_secs(30);

/// Maximum time in which the server must end a statement that was given up. It is longer than the
/// server's own limit.
const LONGEST_END: Duration = Duration::from_secs(15);

/// Number of times a statement is sent while it conflicts with others.
const MOST_CONFLICTS: u32 = 20;

/// Makes the withdrawal of a claim that these rows grant.
pub(super) type WithdrawalOf = Box<dyn FnOnce(&[PgRow]) -> Option<Call> + Send>;

/// Withdraws a claim that was granted although its caller is gone.
pub(super) struct Withdrawal {
    pub(super) id: ClaimId,
    /// Returns the withdrawal if these rows grant the claim.
    pub(super) call: WithdrawalOf,
}

impl Connections {
    /// Runs a statement and returns its rows, at least one.
    ///
    /// # Errors
    ///
    /// The statement failed. It may have had its effect all the same.
    pub(super) async fn call(&self, call: Call) -> Result<Vec<PgRow>, StoreError> {
        self.call_withdrawing(call, || None).await
    }

    /// Runs a statement that can grant a claim.
    pub(super) async fn call_withdrawing(
        &self,
        call: Call,
        withdrawal: impl Fn() -> Option<Withdrawal>,
    ) -> Result<Vec<PgRow>, StoreError> {
        // A connection needs one, and so does the end of a call that is given up.
        if Handle::try_current().is_err() {
            return Err(StoreError::new("called outside of a tokio runtime"));
        }
        let called = async {
            self.ready().await?;
            for sent in 1.. {
                let slot = self.slot().await.map_err(explain)?;
                let running = Running::new(self, call.clone(), slot, withdrawal());
                let (reused, rows) = running.await;
                match rows {
                    Ok(rows) => return call.check(rows),
                    Err(error) if sent < MOST_CONFLICTS && (is_conflict(&error) || is_lane_taken(&error)) => {
                    }
                    // The server closed the connection while it was idle. A claim and an end have
                    // the same answer if they are sent again.
                    Err(error) if reused && !is_answer(&error) => {
                        self.close_idle();
                        if !call.repeatable {
                            return Err(explain(error));
                        }
                    }
                    Err(error) => return Err(explain(error)),
                }
            }
            Err(unexpected())
        };
        let called = timeout(LONGEST_CALL, called).await;
        called.unwrap_or_else(|_| Err(StoreError::new(format!("no answer within {LONGEST_CALL:?}"))))
    }
}

type Returned = (Option<Session>, sqlx::Result<Vec<PgRow>>);

type Sent = Pin<Box<dyn Future<Output = Returned> + Send>>;

/// A statement and its connection, until both are free.
struct Running {
    connections: Connections,
    /// `None` once it has ended.
    future: Option<Sent>,
    progress: Arc<CallProgress>,
    withdrawal: Option<Withdrawal>,
}

/// Where a statement is. Only one task has the statement at a time, so any order will do.
#[derive(Default)]
struct CallProgress {
    given_up: AtomicBool,
    backend: OnceLock<Option<Backend>>,
}

impl Running {
    fn new(
        connections: &Connections,
        call: Call,
        slot: OwnedSemaphorePermit,
        withdrawal: Option<Withdrawal>,
    ) -> Self {
        let progress = Arc::new(CallProgress::default());
        let future = {
            let (connections, progress) = (connections.clone(), Arc::clone(&progress));
            async move {
                let mut session = match connections.session(slot).await {
                    Ok(session) => session,
                    Err(error) => return (None, Err(error)),
                };
                if progress.given_up.load(Ordering::Relaxed) {
                    return (Some(session), Ok(Vec::new()));
                }
                let _ = progress.backend.set(session.backend());
                let rows = call.run(session.connection()).await;
                (Some(session), rows)
            }
        };
        Self {
            connections: connections.clone(),
            future: Some(Box::pin(future)),
            progress,
            withdrawal,
        }
    }
}

/// Returns if the connection was used before, and the rows.
impl Future for Running {
    type Output = (bool, sqlx::Result<Vec<PgRow>>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else {
            unreachable!("polled after its end");
        };
        let (session, rows) = ready!(future.as_mut().poll(cx));
        self.future = None;
        let reused = session.as_ref().is_some_and(|session| session.reused);
        if let Some(session) = session
            && is_usable(&rows)
        {
            self.connections.give_back(session);
        }
        Poll::Ready((reused, rows))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(future), Ok(runtime)) = (self.future.take(), Handle::try_current()) else {
            return;
        };
        self.progress.given_up.store(true, Ordering::Relaxed);
        let withdrawal = self.withdrawal.take();
        // Here and not in the task, so that the same claim finds it if it is sent again now.
        let withdrawing = withdrawal
            .as_ref()
            .map(|claim| self.connections.late().add(claim.id));
        let (connections, backend) = (self.connections.clone(), self.progress.backend.get().copied());
        runtime.spawn(async move {
            end(connections, future, backend.flatten(), withdrawal).await;
            drop(withdrawing);
        });
    }
}

/// Ends a statement that was given up.
async fn end(
    connections: Connections,
    statement: Sent,
    backend: Option<Backend>,
    withdrawal: Option<Withdrawal>,
) {
    let cancel = async {
        match backend {
            Some(backend) => connections.cancel(backend).await,
            None => true,
        }
    };
    // Both must end before the connection is used again. Else the next statement is cancelled.
    let (cancelled, ended) = tokio::join!(cancel, timeout(LONGEST_END, statement));
    let Ok((Some(mut session), rows)) = ended else {
        return;
    };
    if !cancelled || !is_usable(&rows) {
        return;
    }
    if let (Ok(rows), Some(withdrawal)) = (rows, withdrawal)
        && let Some(call) = (withdrawal.call)(&rows)
    {
        match timeout(LONGEST_END, call.run(session.connection())).await {
            Ok(Ok(_)) => tracing::debug!("withdrew a claim that was granted too late"),
            _ => return,
        }
    }
    connections.give_back(session);
}

fn is_usable(rows: &sqlx::Result<Vec<PgRow>>) -> bool {
    rows.as_ref().err().is_none_or(is_answer)
}
