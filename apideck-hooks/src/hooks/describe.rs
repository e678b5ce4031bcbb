//! Describing a receiver, to its user and in the log.

use std::time::Duration;

use super::description::Description;
use super::receiver::{Hooks, Receiver};
use crate::store::Internal;

impl Hooks {
    /// Describes the receiver: its handlers and their events, store, source and limits.
    ///
    /// `build` writes a short form of it into the log.
    pub fn describe(&self) -> Description {
        self.receiver.describe()
    }
}

impl Receiver {
    pub(super) fn describe(&self) -> Description {
        let limits = &self.limits;
        let time = |time: Duration| format!("{time:?}");
        Description {
            version: env!("CARGO_PKG_VERSION"),
            handlers: self.dispatch.handlers(),
            store: self.store.type_name(Internal).to_owned(),
            volatile: self.store.is_volatile(),
            source: self.source.clone(),
            secrets: self.verifier.secrets(),
            limits: vec![
                ("body_limit", format!("{} bytes", limits.body_limit)),
                ("body_budget", format!("{} bytes", limits.body_budget)),
                ("body_deadline", time(limits.body_deadline)),
                ("response_deadline", time(limits.response_deadline)),
                ("handler_timeout", time(limits.handler_timeout)),
                ("lease", time(limits.lease)),
                ("duplicate_wait", time(limits.duplicate_wait)),
                ("store_timeout", time(limits.store_timeout)),
                ("max_retry_after", time(limits.max_retry_after)),
                ("max_attempts", limits.max_attempts.to_string()),
                ("max_in_flight", limits.max_in_flight.to_string()),
                ("rest", format!("{:?}", limits.rest)),
                ("fail_open", limits.fail_open.to_string()),
            ],
        }
    }

    /// Writes the description into the log, in one line.
    pub(super) fn log_description(&self) {
        let Description {
            handlers,
            store,
            source,
            secrets,
            limits,
            ..
        } = self.describe();
        let events: usize = handlers.iter().map(|handler| handler.events.len()).sum();
        let limits: Vec<_> = limits
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        tracing::info!(
            handlers = handlers.len(),
            events,
            store,
            source,
            secrets,
            limits = limits.join(" "),
            "the receiver is built"
        );
    }
}
