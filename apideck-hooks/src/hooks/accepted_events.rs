//! The accepted events of a receiver: counts, lists and pauses.

use super::dead_letters::DeadLetters;
use super::receiver::Hooks;
use crate::store::{
    Cursor, InboxStats, InboxStore, Key, LetterFilter, Pause, StoreError, WaitingEvent, WaitingRecord,
};

/// The accepted events of a receiver. Get it from [`Hooks::inbox`].
///
/// It sees the events of the receiver's own [`source`](crate::HooksBuilder::source).
#[derive(Clone, Debug)]
pub struct AcceptedEvents<'a> {
    hooks: &'a Hooks,
}

impl Hooks {
    /// Returns the accepted events. If the store has no inbox, each call fails.
    pub fn inbox(&self) -> AcceptedEvents<'_> {
        AcceptedEvents { hooks: self }
    }
}

impl AcceptedEvents<'_> {
    /// Returns the counts and ages of the events that wait and run, and the pauses.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn stats(&self) -> Result<InboxStats, StoreError> {
        self.store()?.stats(self.source()).await
    }

    /// Lists up to `limit` events that match the filter, those accepted last first. The filter's
    /// times are those of the acceptance.
    ///
    /// With `before`, the list continues after that cursor. A page can be shorter than `limit`. An
    /// empty page is the end of the list.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn list(
        &self,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<WaitingEvent>, StoreError> {
        self.store()?.list(self.source(), filter, before, limit).await
    }

    /// Returns one accepted event with its body. `None` if the source has no accepted event of this
    /// record that waits or runs.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn get(&self, record: Key) -> Result<Option<WaitingRecord>, StoreError> {
        self.store()?.get(self.source(), record).await
    }

    /// Pauses the events that match a pattern: the name of an event, or a prefix with `*` after it,
    /// such as `crm.*`. `*` is all of them. Returns `false` if this pattern was paused before.
    ///
    /// Events are still accepted, and no worker of any process begins one of them until
    /// [`resume`](Self::resume). The running ones go on. The store keeps the pause.
    ///
    /// # Errors
    ///
    /// The store failed, or the pattern has other characters than a name.
    pub async fn pause(&self, pattern: &str) -> Result<bool, StoreError> {
        let paused = self.store()?.pause(self.source(), checked(pattern)?).await?;
        if paused {
            tracing::warn!(pattern, "accepted events are paused");
        }
        Ok(paused)
    }

    /// Ends the pause of a pattern. Returns `false` if it was not paused.
    ///
    /// # Errors
    ///
    /// The store failed, or the pattern has other characters than a name.
    pub async fn resume(&self, pattern: &str) -> Result<bool, StoreError> {
        let resumed = self.store()?.resume(self.source(), checked(pattern)?).await?;
        if resumed {
            tracing::warn!(pattern, "the pause of accepted events has ended");
        }
        Ok(resumed)
    }

    /// Returns the pauses.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.store()?.pauses(self.source()).await
    }

    /// Returns the dead letters, as [`Hooks::dead_letters`] does.
    pub fn dead_letters(&self) -> Option<DeadLetters<'_>> {
        self.hooks.dead_letters()
    }

    fn store(&self) -> Result<&dyn InboxStore, StoreError> {
        let none =
            || StoreError::new("the store has no inbox: use a `SqliteInbox` or another store with one");
        self.hooks.receiver.store.inbox().ok_or_else(none)
    }

    fn source(&self) -> &str {
        &self.hooks.receiver.source
    }
}

/// Checks a pattern. Stores rely on it.
fn checked(pattern: &str) -> Result<&str, StoreError> {
    let refusal = || StoreError::new(format!("{pattern:?} is not a pattern: {PATTERN}"));
    is_pattern(pattern).then_some(pattern).ok_or_else(refusal)
}

/// The meaning of a pattern, for errors.
pub(crate) const PATTERN: &str = "it is the name of an event, or a prefix with `*` after it";

/// Tells if a text is a name, or a prefix with `*` after it.
pub(crate) fn is_pattern(text: &str) -> bool {
    let name = text.strip_suffix('*').unwrap_or(text);
    let usable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && text.len() <= 255 && name.bytes().all(usable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_or_a_prefix() {
        for pattern in ["*", "crm.*", "crm.lead.created", "pos.modifier-group.*"] {
            assert!(checked(pattern).is_ok(), "{pattern}");
        }
        for pattern in ["", "*.created", "crm.[a]", "crm.?", "crm **", "a%"] {
            assert!(checked(pattern).is_err(), "{pattern}");
        }
    }
}
