//! The rows that an operation reads.

use crate::delivery::Key;
use crate::store::{Acceptance, Claim, Fetch};

/// The rows that an operation reads.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) record: Option<Key>,
    pub(super) alias: Option<Key>,
    /// The source whose dead letters are counted, because there can be a new one.
    pub(super) letters_of: Option<String>,
    pub(super) is_claim: bool,
    /// `true` if the running record of the record's lane is read too.
    pub(super) lane: bool,
    /// Due records.
    pub(super) fetch: Option<Fetch>,
    /// The source whose runs without an end are read.
    pub(super) lost_of: Option<String>,
    /// The source whose pauses are read.
    pub(super) pauses_of: Option<String>,
}

impl Wanted {
    pub(super) fn of_record(record: Key) -> Self {
        Self {
            record: Some(record),
            ..Self::default()
        }
    }

    pub(super) fn of_claim(claim: &Claim) -> Self {
        Self {
            record: Some(claim.event),
            alias: claim.alias,
            letters_of: claim.last.as_ref().map(|last| last.letter.source.clone()),
            is_claim: true,
            ..Self::default()
        }
    }

    pub(super) fn of_acceptance(acceptance: &Acceptance) -> Self {
        Self {
            record: Some(acceptance.event),
            alias: acceptance.alias,
            ..Self::default()
        }
    }
}
