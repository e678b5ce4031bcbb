//! Operations that wait for the writer.

use tokio::sync::oneshot;

use super::batch::Batch;
use super::needs::Needs;
use crate::store::StoreError;

/// An operation of any result.
pub(super) trait Operation: Send {
    fn needs(&self) -> &Needs;

    /// Tells if it is a claim whose caller has gone. It is not granted, because nothing would run.
    fn is_abandoned(&self) -> bool;

    /// Decides by the batch's records, and changes them there.
    fn apply(&mut self, batch: &mut Batch);

    /// Answers with the decision, or with the error of the commit.
    fn answer(self: Box<Self>, error: Option<&str>);
}

/// An operation with this result.
pub(super) struct Job<T, F> {
    pub(super) needs: Needs,
    pub(super) decide: F,
    pub(super) decision: Option<T>,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: Fn(&mut Batch) -> T + Send> Operation for Job<T, F> {
    fn needs(&self) -> &Needs {
        &self.needs
    }

    fn is_abandoned(&self) -> bool {
        self.needs.is_claim && self.reply.is_closed()
    }

    fn apply(&mut self, batch: &mut Batch) {
        self.decision = Some((self.decide)(batch));
    }

    fn answer(self: Box<Self>, error: Option<&str>) {
        let answer = match (error, self.decision) {
            (None, Some(decision)) => Ok(decision),
            (error, _) => Err(StoreError::new(error.unwrap_or("the operation was not done"))),
        };
        // The caller may have gone.
        let _ = self.reply.send(answer);
    }
}
