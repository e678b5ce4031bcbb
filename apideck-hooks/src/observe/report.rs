//! The facts of one request that the test kit shows.
//!
//! # How it works
//!
//! The test kit puts an empty report into the extensions of its request. The receiver takes it out
//! and fills it, and the test kit reads it after the response. A request from anywhere else has no
//! report. Without the feature `testing` the type is empty and nothing is compiled into its calls.

#[cfg(feature = "testing")]
use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;

use crate::disposition::Disposition;

/// The facts of one request. Each is `None` as long as the receiver does not know it.
#[derive(Clone, Debug, Default)]
#[cfg_attr(not(feature = "testing"), allow(dead_code))]
pub(crate) struct Reported {
    pub(crate) disposition: Option<Disposition>,
    /// The path of the event's handler.
    pub(crate) handler: Option<&'static str>,
    /// The number of the last attempt that began.
    pub(crate) attempt: Option<u32>,
    /// The error of the run.
    pub(crate) error: Option<String>,
    /// The explanation of a refusal.
    pub(crate) explanation: Option<String>,
}

/// A report under construction. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    #[cfg(feature = "testing")]
    reported: Option<Arc<Mutex<Reported>>>,
}

#[cfg(not(feature = "testing"))]
impl Report {
    /// Takes the report of a request. Without the test kit no request has one.
    pub(crate) fn take(_: &mut Extensions) -> Self {
        Self::default()
    }

    /// Tells if there is a report.
    pub(crate) fn is_asked_for(&self) -> bool {
        false
    }

    /// Adds a fact to the report, if there is one.
    pub(crate) fn add(&self, _: impl FnOnce(&mut Reported)) {}
}

#[cfg(feature = "testing")]
impl Report {
    /// Makes an empty report, to be put into a request's extensions.
    pub(crate) fn empty() -> Self {
        Self {
            reported: Some(Arc::default()),
        }
    }

    /// Takes the report of a request, if it has one.
    pub(crate) fn take(extensions: &mut Extensions) -> Self {
        extensions.remove().unwrap_or_default()
    }

    /// Tells if there is a report.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.reported.is_some()
    }

    /// Adds a fact to the report, if there is one.
    pub(crate) fn add(&self, add: impl FnOnce(&mut Reported)) {
        if let Some(reported) = &self.reported {
            add(&mut reported.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Returns the facts that are known now.
    pub(crate) fn reported(&self) -> Reported {
        let mut reported = Reported::default();
        self.add(|facts| reported = facts.clone());
        reported
    }
}
