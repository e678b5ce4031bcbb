//! The checks of `HooksBuilder::build`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::build_error::{BuildError, BuildErrorKind};
use crate::inbox::Workers;
use crate::limits::Limits;
use crate::router::Entry;
use crate::signature::{Forms, Secret, SecretError, Verifier};
use crate::store::{DeadLetter, Internal, Store, Transactions};

/// Checks that each limit is in its range.
pub(super) fn check_limits(limits: &Limits, source: &str, store: &dyn Store) -> Result<(), BuildError> {
    let broken = |rule: &'static str| Err(BuildError(BuildErrorKind::Limit(rule.into())));
    let Limits {
        body_deadline,
        response_deadline,
        handler_timeout,
        store_timeout,
        ..
    } = limits;
    if [body_deadline, response_deadline, handler_timeout, store_timeout]
        .iter()
        .any(|time| time.is_zero())
    {
        return broken(
            "body_deadline, response_deadline, handler_timeout and store_timeout must be greater than zero",
        );
    }
    if limits.lease < Duration::from_millis(100) {
        return broken("lease must be at least 100 milliseconds");
    }
    if limits.body_limit == 0 {
        return broken("body_limit must be at least 1 byte");
    }
    if limits.body_budget < limits.body_limit {
        return broken(
            "body_budget must be at least body_limit, because a longer body could never be received",
        );
    }
    if store.dead_letters().is_some() && limits.body_limit > DeadLetter::MAX_BODY {
        return broken("body_limit must be at most 16 MiB, because a dead letter keeps no longer body");
    }
    if limits.max_attempts == 0 {
        return broken("max_attempts must be at least 1");
    }
    if limits.max_in_flight == 0 || limits.max_in_flight as usize > Semaphore::MAX_PERMITS {
        return broken("max_in_flight must be at least 1 and at most `tokio::sync::Semaphore::MAX_PERMITS`");
    }
    if source.len() > 255 {
        return broken("source must be at most 255 bytes");
    }
    Ok(())
}

/// Makes the verifier of the secrets.
pub(super) fn verifier(
    secrets: Vec<Result<Secret, SecretError>>,
    forms: Forms,
) -> Result<Verifier, BuildError> {
    if secrets.is_empty() {
        return Err(BuildError(BuildErrorKind::NoSecret));
    }
    let unusable = |error: SecretError| BuildError(BuildErrorKind::Secret(error.to_string()));
    let secrets: Result<Vec<_>, _> = secrets.into_iter().collect();
    let verifier = Verifier::new(secrets.map_err(unusable)?).map_err(unusable)?;
    Ok(verifier.forms(forms))
}

/// Checks that the store has the transaction that the handler takes, and can begin it in time.
fn check_transaction(handler: &Entry, store: &dyn Store, store_timeout: Duration) -> Result<(), BuildError> {
    let (name, Some(wanted)) = (handler.name, handler.handler.transaction) else {
        return Ok(());
    };
    let transactions = store.transactions();
    let given = transactions.map(Transactions::database);
    let Some(transactions) = transactions.filter(|_| given == Some(wanted)) else {
        return Err(BuildError(BuildErrorKind::Transaction {
            handler: name,
            wanted,
            given,
            store: store.type_name(Internal),
        }));
    };
    let refused = |reason: String| {
        let error = format!("the handler `{name}` takes `Tx<{wanted}>`, and {reason}");
        Err(BuildError(BuildErrorKind::Limit(error.into())))
    };
    if transactions.at_once() == Some(0) {
        return refused(
            "the store has no connection for a transaction: give it a pool of at least 3 connections, because 2 \
             are left to others, and allow at least one transaction"
                .to_owned(),
        );
    }
    match transactions.limit() {
        Some(limit) if limit >= store_timeout => refused(format!(
            "a transaction may take {limit:?}, but other calls that wait for its end are given up after \
             {store_timeout:?}: set a shorter `tx_limit` in the store's builder, or a longer `store_timeout`, which \
             is at most half the lease"
        )),
        _ => Ok(()),
    }
}

/// Checks that the store has a source and the transactions that it needs.
pub(super) fn check_store(
    store: &dyn Store,
    source: &str,
    handlers: &[Entry],
    store_timeout: Duration,
) -> Result<(), BuildError> {
    check_source(source, store)?;
    let mut handlers = handlers.iter();
    handlers.try_for_each(|handler| check_transaction(handler, store, store_timeout))
}

/// Checks that workers can work.
pub(super) fn check_workers(workers: &Workers) -> Result<(), BuildError> {
    let broken = |rule: &'static str| Err(BuildError(BuildErrorKind::Limit(rule.into())));
    if workers.concurrency == 0 || workers.concurrency as usize > Semaphore::MAX_PERMITS {
        return broken("concurrency must be at least 1 and at most `tokio::sync::Semaphore::MAX_PERMITS`");
    }
    if workers.timeout.is_some_and(|timeout| timeout.is_zero()) {
        return broken("the timeout of workers must be greater than zero");
    }
    Ok(())
}

/// Checks that the store has an inbox.
pub(super) fn check_inbox(store: &dyn Store) -> Result<(), BuildError> {
    match store.inbox() {
        Some(_) => Ok(()),
        None => Err(BuildError(BuildErrorKind::Inbox {
            store: store.type_name(Internal),
            lacks: "accepted events",
        })),
    }
}

/// Checks that the store keeps dead letters, which an inbox of the user's own needs.
pub(super) fn check_letters(store: &dyn Store) -> Result<(), BuildError> {
    match store.dead_letters() {
        Some(_) => Ok(()),
        None => Err(BuildError(BuildErrorKind::Inbox {
            store: store.type_name(Internal),
            lacks: "dead letters",
        })),
    }
}

/// Checks that a store that several services can share has a source.
fn check_source(source: &str, store: &dyn Store) -> Result<(), BuildError> {
    if store.is_shared() && source.is_empty() {
        return Err(BuildError(BuildErrorKind::NoSource {
            store: store.type_name(Internal),
        }));
    }
    Ok(())
}

/// Logs the facts of the store that its user should know.
///
/// The dead letters of a shared store are counted by a task, because `build` does not wait. Without
/// a runtime it logs nothing of them.
pub(super) fn log_store(store: &Arc<dyn Store>, source: &str) {
    if store.is_volatile() {
        tracing::warn!(
            "the store is in memory: it is forgotten at a restart, serves one process and keeps no dead letters. \
             An event that fails for good is answered 422 until Apideck disables the subscription. \
             Use a durable store in production"
        );
    }
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    // A store of one process is not held longer than its receiver, so that it can be opened again.
    if !store.is_shared() || store.dead_letters().is_none() {
        return;
    }
    let (store, own) = (Arc::clone(store), source.to_owned());
    runtime.spawn(async move {
        let Some(letters) = store.dead_letters() else {
            return;
        };
        match letters.sources().await {
            Ok(sources) => {
                for (source, letters) in sources {
                    if source == own {
                        tracing::warn!(source, letters, "dead letters are waiting");
                    } else {
                        tracing::warn!(
                            source,
                            letters,
                            "the store has dead letters of another source: this receiver leaves them alone"
                        );
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "the dead letters could not be counted"),
        }
    });
}
