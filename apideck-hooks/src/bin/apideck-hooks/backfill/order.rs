//! The order of missed events, and the time to go on from.

use std::time::{Duration, SystemTime};

use super::missed::MissedEvent;

/// Sorts events by the time at which they happened. Equal times keep the order of the log, and an
/// event without a time comes last.
pub(super) fn oldest_first(mut events: Vec<&MissedEvent>, newest_first: bool) -> Vec<&MissedEvent> {
    events.sort_by_key(|event| {
        let position = if newest_first {
            usize::MAX - event.position
        } else {
            event.position
        };
        (event.at().is_none(), event.at(), event.first, position)
    });
    events
}

/// Returns a time from which the log has these events again.
///
/// The log is searched by the times of deliveries, and not by those of events. So it is the
/// earliest last delivery. With `--until` it is the earliest first one, because a later time would
/// make a later delivery the first one in the log, and leave its event out. It is a second less
/// because the documents leave open if the log's filter includes its ends. Events that were sent
/// already and are sent again are duplicates.
pub(super) fn resume(left: &[&MissedEvent], since: SystemTime, has_until: bool) -> SystemTime {
    let times = left
        .iter()
        .map(|event| if has_until { event.first } else { event.last });
    // An event without a time can be anywhere.
    let earliest = times
        .min()
        .flatten()
        .and_then(|earliest| earliest.checked_sub(Duration::from_secs(1)));
    earliest.unwrap_or(since).max(since)
}
