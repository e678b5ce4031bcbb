//! Admission of a verified delivery or a replay.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::receiver::Receiver;
use crate::disposition::Why;
use crate::run::Phase;

impl Receiver {
    /// Takes a permit, which is held until the delivery is settled.
    ///
    /// # Errors
    ///
    /// [`Why::Busy`] if too many deliveries are in flight. [`Why::ShuttingDown`] if a shutdown has
    /// begun.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, Why> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        // Read after the permit was taken, because a shutdown changes the phase before it collects
        // the permits. In the other order both could miss each other.
        if !self.is_open() {
            return Err(Why::ShuttingDown);
        }
        permit.map_err(|_| Why::Busy)
    }

    /// Tells if no shutdown has begun.
    pub(crate) fn is_open(&self) -> bool {
        *self.phase.borrow() == Phase::Open
    }
}
