//! Reading the state of a receiver.

use super::receiver::Hooks;
use crate::observe::Snapshot;
use crate::store::LetterFilter;

impl Hooks {
    /// Returns the counts, and reads the other numbers. Counting the dead letters is a call to the
    /// store, which has [`store_timeout`](crate::HooksBuilder::store_timeout) to answer.
    pub async fn snapshot(&self) -> Snapshot {
        let receiver = &self.receiver;
        let dead_letters = match receiver.store.dead_letters() {
            Some(letters) => {
                let filter = LetterFilter::default();
                let count = letters.count(&receiver.source, &filter);
                let counted = tokio::time::timeout(receiver.limits.store_timeout, count).await;
                counted.ok().and_then(Result::ok)
            }
            None => None,
        };
        let inbox = match receiver.store.inbox() {
            Some(inbox) => {
                let stats = inbox.stats(&receiver.source);
                let read = tokio::time::timeout(receiver.limits.store_timeout, stats).await;
                read.ok().and_then(Result::ok)
            }
            None => None,
        };
        let all = u64::from(receiver.limits.max_in_flight);
        Snapshot {
            stats: self.stats(),
            in_flight: all.saturating_sub(receiver.permits.available_permits() as u64),
            working: *receiver.working.borrow() as u64,
            waiting: receiver.dispatch.waiting(),
            dead_letters,
            inbox_waiting: inbox.as_ref().map(|inbox| inbox.waiting + inbox.running),
            inbox_oldest_seconds: inbox.as_ref().and_then(|inbox| Some(inbox.oldest?.as_secs())),
            inbox_due_seconds: inbox.as_ref().and_then(|inbox| Some(inbox.oldest_due?.as_secs())),
            inbox_pauses: inbox.map(|inbox| inbox.paused.len() as u64),
            ready: self.is_ready(),
        }
    }

    /// Tells if the receiver should get deliveries, for the readiness probe of a load balancer.
    ///
    /// It is `false` while the receiver shuts down. After a failed call to the store it is `false`
    /// until a call succeeds, for 10 seconds at most. It makes no call itself, and deliveries are
    /// accepted nevertheless: only they can tell that the store answers again.
    pub fn is_ready(&self) -> bool {
        self.receiver.is_open() && self.receiver.observers.store_answers()
    }
}
