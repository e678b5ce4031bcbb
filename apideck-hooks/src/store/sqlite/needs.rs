//! The rows that an operation needs.

use crate::delivery::Key;
use crate::store::Claim;

/// The rows of an operation.
pub(super) struct Needs {
    pub(super) record: Key,
    pub(super) alias: Option<Key>,
    /// The source whose dead letters are counted, because there can be a new one.
    pub(super) letters_of: Option<String>,
    pub(super) is_claim: bool,
}

impl Needs {
    pub(super) fn of_record(record: Key) -> Self {
        Self {
            record,
            alias: None,
            letters_of: None,
            is_claim: false,
        }
    }

    pub(super) fn of_claim(claim: &Claim) -> Self {
        Self {
            record: claim.event,
            alias: claim.alias,
            letters_of: claim.last.as_ref().map(|last| last.letter.source.clone()),
            is_claim: true,
        }
    }
}
