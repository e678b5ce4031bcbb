//! A choice of dead letters.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A choice of dead letters. The default matches all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[must_use = "a filter does nothing before it is passed to a method of `DeadLetters`"]
#[non_exhaustive]
pub struct LetterFilter {
    /// Name of the event, or a prefix with `*` after it, such as `crm.*`. `None` matches every
    /// name.
    pub event_type: Option<String>,
    /// Only events that were dead-lettered at this time or later, by the store's clock.
    pub since: Option<SystemTime>,
    /// Only events that were dead-lettered before this time, by the store's clock.
    pub until: Option<SystemTime>,
}

impl LetterFilter {
    /// Makes a filter that matches all dead letters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the event, or a prefix with `*` after it.
    pub fn event_type(mut self, pattern: impl Into<String>) -> Self {
        self.event_type = Some(pattern.into());
        self
    }

    /// Matches only events that were dead-lettered at this time or later.
    pub fn since(mut self, time: SystemTime) -> Self {
        self.since = Some(time);
        self
    }

    /// Matches only events that were dead-lettered before this time.
    pub fn until(mut self, time: SystemTime) -> Self {
        self.until = Some(time);
        self
    }

    /// Returns the microseconds since the start of 1970 that a letter's time must have: the first,
    /// and the one after the last.
    pub fn microseconds(&self) -> (i64, i64) {
        (
            self.since.map_or(i64::MIN, to_epoch),
            self.until.map_or(i64::MAX, to_epoch),
        )
    }

    /// Tells if the filter matches a letter with this name and time.
    pub fn matches(&self, event_type: &str, at: i64) -> bool {
        let (first, end) = self.microseconds();
        let pattern = self.event_type.as_deref();
        let named = pattern.is_none_or(|pattern| is_match(pattern, event_type));
        named && at >= first && at < end
    }
}

/// Tells if a pattern matches the name of an event.
pub(super) fn is_match(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => event_type.starts_with(prefix),
        None => event_type == pattern,
    }
}

/// Converts a time into microseconds since the start of 1970.
fn to_epoch(time: SystemTime) -> i64 {
    let micros = |length: Duration| i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_includes_its_begin_and_not_its_end() {
        let time = |micros| UNIX_EPOCH + Duration::from_micros(micros);
        let filter = LetterFilter::new().since(time(5)).until(time(7)).event_type("a");
        let matched: Vec<_> = (0..10).filter(|at| filter.matches("a", *at)).collect();
        assert_eq!(matched, [5, 6]);
        assert!(!filter.matches("b", 5) && !filter.matches("ab", 5));
        let filter = filter.event_type("a*");
        assert!(filter.matches("a", 5) && filter.matches("ab", 5) && !filter.matches("ba", 5));
    }
}
