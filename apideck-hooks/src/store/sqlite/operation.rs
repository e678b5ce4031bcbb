//! What is asked of the writer, and how it answers.

use crate::delivery::Key;
use crate::store::transactions::Begun;
use crate::store::{Claim, Claimed, End, Held, StoreError, Token, Verdict};
use std::time::Duration;
use tokio::sync::oneshot;

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A change of one record.
pub(super) enum Operation {
    Claim(Claim, Reply<Claimed>),
    Renew(Key, Token, Duration, Reply<Held>),
    Finish(Key, Token, End, Reply<Held>),
    /// A claim that is settled at once.
    Count(Claim, End, Reply<Claimed>),
    /// Of a claim whose asker had gone before it was answered.
    GiveBack(Key, Token),
    /// Of a dead letter.
    Release(Key, Reply<bool>),
    /// Of a dead letter.
    Purge(Key, Reply<bool>),
}

impl Operation {
    pub(super) fn record(&self) -> Key {
        match self {
            Operation::Claim(claim, _) | Operation::Count(claim, ..) => claim.event,
            Operation::Renew(key, ..)
            | Operation::Finish(key, ..)
            | Operation::GiveBack(key, _)
            | Operation::Release(key, _)
            | Operation::Purge(key, _) => *key,
        }
    }

    pub(super) fn delivery(&self) -> Option<Key> {
        match self {
            Operation::Claim(claim, _) | Operation::Count(claim, ..) => claim.delivery,
            _ => None,
        }
    }

    /// Whether it is a claim that nobody waits for any more.
    pub(super) fn is_abandoned(&self) -> bool {
        matches!(self, Operation::Claim(_, reply) if reply.is_closed())
    }

    pub(super) fn fail(self, why: &str) {
        match self {
            Operation::Claim(_, reply) | Operation::Count(.., reply) => fail(reply, why),
            Operation::Renew(.., reply) | Operation::Finish(.., reply) => fail(reply, why),
            Operation::Release(_, reply) | Operation::Purge(_, reply) => fail(reply, why),
            Operation::GiveBack(..) => {}
        }
    }
}

/// An operation that was done, though not committed yet.
pub(super) enum Answered {
    Claimed(Claimed, Reply<Claimed>),
    Counted(Claimed, Reply<Claimed>),
    Held(Held, Reply<Held>),
    Told(bool, Reply<bool>),
    Nobody,
}

impl Answered {
    /// Tells whoever asked; what is left to do if it was a claim and they have gone.
    pub(super) fn tell(self) -> Option<Operation> {
        match self {
            Answered::Claimed(claimed, reply) => {
                let refused = reply.send(Ok(claimed)).is_err();
                match claimed.verdict {
                    Verdict::Granted { token, .. } if refused => {
                        Some(Operation::GiveBack(claimed.record, token))
                    }
                    _ => None,
                }
            }
            Answered::Counted(claimed, reply) => {
                let _ = reply.send(Ok(claimed));
                None
            }
            Answered::Held(held, reply) => {
                let _ = reply.send(Ok(held));
                None
            }
            Answered::Told(told, reply) => {
                let _ = reply.send(Ok(told));
                None
            }
            Answered::Nobody => None,
        }
    }

    pub(super) fn fail(self, why: &str) {
        match self {
            Answered::Claimed(_, reply) | Answered::Counted(_, reply) => fail(reply, why),
            Answered::Held(_, reply) => fail(reply, why),
            Answered::Told(_, reply) => fail(reply, why),
            Answered::Nobody => {}
        }
    }
}

fn fail<T>(reply: Reply<T>, why: &str) {
    let _ = reply.send(Err(StoreError::new(why)));
}

/// Somebody wants the connection.
pub(super) struct Begin {
    pub(super) claim: Claim,
    pub(super) reply: oneshot::Sender<Result<Begun, StoreError>>,
}
