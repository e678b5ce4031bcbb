//! The settings of a console.

use super::access::Access;

/// The settings of a console.
pub(super) struct ConsoleSettings {
    pub(super) access: Access,
    pub(super) changes: bool,
    pub(super) credentials: bool,
}
