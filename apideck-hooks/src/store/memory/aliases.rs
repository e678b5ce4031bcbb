//! The delivery keys under one lock.

use std::time::Duration;

use super::limits::ShardLimits;
use super::ordered_map::{List, OrderedMap};
use crate::delivery::Key;
use crate::store::record::micros;

/// Time for which an alias is kept longer than its record would be if the run ended at once.
///
/// A record is kept for its retention from the end of its run, and an alias from the begin.
const GRACE: Duration = Duration::from_secs(60 * 60);

/// Some of the aliases, in the order in which they were last used. The record of an alias may be
/// gone. The alias then counts as unbound.
pub(super) struct Aliases(OrderedMap<Binding>);

/// Their only list.
const ALL: List = List::First;

#[derive(Clone, Copy)]
struct Binding {
    record: Key,
    expires: u64,
}

impl Default for Aliases {
    fn default() -> Self {
        Self(OrderedMap::new(Binding {
            record: Key::from_bytes([0; 16]),
            expires: 0,
        }))
    }
}

impl Aliases {
    /// The record to which the alias is bound.
    pub(super) fn record(&self, alias: &Key, now: u64) -> Option<Key> {
        let binding = self.0.value(self.0.find(alias)?);
        (now < binding.expires).then_some(binding.record)
    }

    /// Binds an alias, and keeps it for longer than its record. The oldest alias is removed if
    /// there are too many.
    pub(super) fn bind(&mut self, alias: Key, record: Key, lease: Duration, now: u64, limits: &ShardLimits) {
        let time = limits.retention.saturating_add(lease).saturating_add(GRACE);
        let expires = now.saturating_add(micros(time));
        let binding = Binding { record, expires };
        match self.0.find(&alias) {
            Some(at) => self.0.replace(ALL, at, binding),
            None => self.0.add(ALL, alias, binding),
        }
        let full = self.0.len() > limits.records;
        self.remove_oldest_if(|_| full);
        // Two for one that is added, so that the expired aliases become fewer.
        for _ in 0..2 {
            self.remove_oldest_if(|oldest| oldest.expires <= now);
        }
    }

    fn remove_oldest_if(&mut self, remove: impl Fn(Binding) -> bool) {
        if let Some((at, oldest)) = self.0.oldest(ALL)
            && remove(oldest)
        {
            self.0.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ShardLimits = ShardLimits {
        retention: Duration::from_micros(1000),
        records: 3,
    };

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    fn bind(aliases: &mut Aliases, alias: u8, record: u8, now: u64) {
        aliases.bind(key(alias), key(record), Duration::from_micros(100), now, &LIMITS);
    }

    #[test]
    fn the_aliases_that_were_used_last_are_kept() {
        let mut aliases = Aliases::default();
        for (alias, record) in [(1, 101), (2, 102), (3, 103), (1, 104), (4, 101), (5, 105)] {
            bind(&mut aliases, alias, record, 0);
        }
        let records = [1, 2, 3, 4, 5].map(|alias| aliases.record(&key(alias), 0));
        assert_eq!(
            records,
            [Some(key(104)), None, None, Some(key(101)), Some(key(105))]
        );
    }

    #[test]
    fn an_alias_outlives_its_record_and_expires() {
        let mut aliases = Aliases::default();
        let end = 1100 + micros(GRACE);
        for alias in [1, 2, 3] {
            bind(&mut aliases, alias, 100, 0);
        }
        assert_eq!(aliases.record(&key(1), end - 1), Some(key(100)));
        assert_eq!(aliases.record(&key(1), end), None);
        bind(&mut aliases, 4, 100, end);
        assert_eq!(aliases.0.len(), 1);
    }
}
