//! The handler of each event.
//!
//! # How it works
//!
//! The plan is a static whose value the compiler computes. Nothing is computed at start-up, and
//! nothing can fail there. At run time an event's index in the table leads to its handler.
//!
//! The table is sorted, so a pattern is a range of it. Making the plan is one walk over the ranges
//! of all selectors. An event keeps the handler with the highest rank.
//!
//! The compiler does not know names that are not in the table. They are compared with the selectors
//! at run time.

use super::entry::Entry;
use crate::event::{COUNT, EventType, NAMES};

const NONE: u16 = u16::MAX;

/// The handler of each event, as its position in `router![…]`.
#[derive(Debug)]
pub struct Plan {
    /// The handler of each event of the table, or [`NONE`].
    handlers: [u16; COUNT],
    entries: &'static [Entry],
}

impl Plan {
    /// Makes the plan of a list.
    pub const fn new(entries: &'static [Entry]) -> Self {
        let mut handlers = [NONE; COUNT];
        let mut ranks = [0; COUNT];
        let mut handler = 0;
        while handler < entries.len() {
            let selectors = entries[handler].handler.selectors;
            let mut selector = 0;
            while selector < selectors.len() {
                let rank = selectors[selector].rank();
                let (mut event, end) = selectors[selector].range();
                while event < end {
                    if handlers[event] == NONE || rank > ranks[event] {
                        handlers[event] = handler as u16;
                        ranks[event] = rank;
                    }
                    event += 1;
                }
                selector += 1;
            }
            handler += 1;
        }
        Self { handlers, entries }
    }

    /// Returns the handler of an event.
    pub(crate) fn route(&self, event: &EventType) -> Option<u16> {
        match event.index() {
            Some(index) => Some(self.handlers[index]).filter(|handler| *handler != NONE),
            None => self.route_unlisted(event.as_str()),
        }
    }

    /// Returns the handler of a signed body that is not an event, which is the handler of `*`.
    pub(crate) fn fallback(&self) -> Option<u16> {
        // Only the pattern `*` matches the empty name.
        self.route_unlisted("")
    }

    /// Returns the handler's path, as the user wrote it.
    pub(crate) fn name(&self, handler: u16) -> &'static str {
        self.entries
            .get(usize::from(handler))
            .map_or("", |entry| entry.name)
    }

    /// Returns the database of the transaction that the handler takes, if it takes one.
    pub(crate) fn transaction(&self, handler: u16) -> Option<&'static str> {
        self.entries.get(usize::from(handler))?.handler.transaction
    }

    /// Tells if the handler runs before its delivery is answered.
    pub(crate) fn is_inline(&self, handler: u16) -> bool {
        let entry = self.entries.get(usize::from(handler));
        entry.is_some_and(|entry| entry.handler.inline)
    }

    /// Returns all handlers.
    pub(crate) fn entries(&self) -> &'static [Entry] {
        self.entries
    }

    /// Returns the listed events of a handler.
    pub(crate) fn events(&self, handler: usize) -> impl Iterator<Item = &'static str> {
        let events = NAMES.iter().zip(&self.handlers);
        events
            .filter(move |(_, at)| usize::from(**at) == handler)
            .map(|(name, _)| *name)
    }

    fn route_unlisted(&self, name: &str) -> Option<u16> {
        let ranked = self.entries.iter().enumerate().filter_map(|(handler, entry)| {
            let rank = entry
                .handler
                .selectors
                .iter()
                .filter_map(|selector| selector.rank_unlisted(name))
                .max()?;
            Some((rank, handler as u16))
        });
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, handler)| handler)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{Selector, handles};

    fn pattern(prefix: &'static str) -> Selector {
        let first = NAMES.partition_point(|name| *name < prefix) as u16;
        let end = first + NAMES.iter().filter(|name| name.starts_with(prefix)).count() as u16;
        Selector::Pattern { prefix, first, end }
    }

    fn exact(name: &str) -> Selector {
        Selector::Exact(NAMES.binary_search(&name).unwrap() as u16)
    }

    fn entries(lists: Vec<Vec<Selector>>) -> &'static [Entry] {
        let entry = |selectors: Vec<Selector>| Entry {
            name: "handler",
            handler: handles(selectors.leak()),
        };
        lists.into_iter().map(entry).collect::<Vec<_>>().leak()
    }

    #[test]
    fn the_more_exact_entry_wins_in_any_order() {
        let star = vec![pattern("")];
        let vault = vec![pattern("vault.")];
        let refresh = vec![pattern("vault.connection.token_refresh.")];
        let failed = vec![exact("vault.connection.token_refresh.failed")];
        let paused = vec![Selector::Unlisted("vault.connection.paused")];
        let route = |plan: &Plan, name: &str| plan.route(&EventType::from(name)).map(usize::from);
        for names in [
            [
                ("vault.connection.token_refresh.failed", 3),
                ("vault.connection.token_refresh.pending", 2),
            ],
            [("vault.connection.created", 1), ("crm.lead.created", 0)],
            [
                ("vault.connection.paused", 4),
                ("vault.connection.token_refresh.stalled", 2),
            ],
            [("vault.consumer.created", 1), ("billing.invoice.paid", 0)],
        ] {
            let lists = vec![
                star.clone(),
                vault.clone(),
                refresh.clone(),
                failed.clone(),
                paused.clone(),
            ];
            let forward = Plan::new(entries(lists.clone()));
            let backward = Plan::new(entries(lists.into_iter().rev().collect()));
            for (name, handler) in names {
                assert_eq!(route(&forward, name), Some(handler), "{name}");
                assert_eq!(route(&backward, name), Some(4 - handler), "{name}");
            }
        }
    }

    #[test]
    fn an_event_that_no_entry_matches_has_no_handler() {
        let plan = Plan::new(entries(vec![vec![exact("crm.lead.created")]]));
        assert_eq!(plan.route(&EventType::CrmLeadCreated), Some(0));
        assert_eq!(plan.route(&EventType::CrmLeadDeleted), None);
        assert_eq!(plan.route(&EventType::from("crm.lead.merged")), None);
        assert_eq!(plan.fallback(), None);
        assert_eq!(Plan::new(entries(vec![vec![pattern("")]])).fallback(), Some(0));
        assert_eq!(Plan::new(entries(vec![vec![pattern("vault.")]])).fallback(), None);
    }
}
