//! Operations on one record.

use std::time::Duration;

use super::keys::KeyNames;
use super::link::{Confirm, Link};
use super::reply::{numbers, read, unexpected};
use super::scripts::{FINISH, FINISH_WITH_LETTER, RENEW, RedisCall, STATUS, micros};
use crate::delivery::Key;
use crate::store::record::Stage;
use crate::store::{DeadLetter, End, Grant, Held, RecordState, Status, StoreError, Token};
use ::redis::Value;

/// The records under a prefix.
pub(super) struct Records {
    pub(super) link: Link,
    pub(super) keys: KeyNames,
    /// Microseconds.
    pub(super) retention: u64,
    pub(super) max_dead_letters: u64,
}

/// The room for a letter, as the scripts name it.
pub(super) const NOT_KEPT: &str = "none";
pub(super) const FULL: &str = "full";
pub(super) const ROOM: &str = "room";

/// The answer to a finish that has changed the record.
const CHANGED: u64 = 3;

/// The result of a finish that the server confirmed.
pub(super) struct Finished {
    held: Held,
    changed: bool,
    /// The source and time of the letter that went.
    letter: Option<(String, i64)>,
}

impl Records {
    pub(super) async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        let call = RedisCall::script(&RENEW, self.keys.record(grant.record)).grant(grant);
        let call = call.arg(micros(lease)).keep(micros(lease) + self.retention);
        match self.link.call(call).await? {
            Value::Int(1) => Ok(Held::Yes),
            Value::Int(0) => Ok(Held::Lost),
            _ => Err(unexpected()),
        }
    }

    pub(super) async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        if let End::Dead { letter, began } = &end
            && self.keeps_letters(grant.record).await?
        {
            return self.finish_with_letter(grant, letter, *began).await;
        }
        let finished = self.finish_without_letter(grant, &end, NOT_KEPT).await?;
        if let Some((source, at)) = &finished.letter {
            self.displace(source, grant.record, *at, "").await;
        }
        Ok(finished.held)
    }

    /// Tells if the store keeps letters. A store that did not is asked again.
    async fn keeps_letters(&self, record: Key) -> Result<bool, StoreError> {
        Ok(self.link.keeps_letters() || self.link.check_letters(&self.keys.record(record)).await?)
    }

    async fn finish_without_letter(
        &self,
        grant: Grant,
        end: &End,
        room: &str,
    ) -> Result<Finished, StoreError> {
        let call = self.finish_call(
            RedisCall::script(&FINISH, self.keys.record(grant.record)),
            grant,
            end,
            room,
        );
        // Without room, an earlier call of this end may have written its letter.
        let confirm = match room {
            FULL => Confirm::Disk,
            _ => Confirm::Replicas,
        };
        let reply = self.link.call_confirmed(call, confirm).await?;
        Finished::read(reply.value, reply.confirmed)
    }

    fn finish_call(&self, call: RedisCall, grant: Grant, end: &End, room: &str) -> RedisCall {
        let call = call
            .grant(grant)
            .arg(Stage::after(end) as u8)
            .keep(self.retention);
        match end {
            End::Release { rest } => call.arg(micros(*rest)),
            End::Dead { began, .. } => call.arg(u8::from(*began)).arg(room),
            _ => call,
        }
    }

    /// Ends the run with a letter. Its place in the list comes first, so that a crash in between
    /// leaves a place without a letter and never a letter that is not listed.
    async fn finish_with_letter(
        &self,
        grant: Grant,
        letter: &DeadLetter,
        began: bool,
    ) -> Result<Held, StoreError> {
        let end = End::Dead {
            letter: Box::new(DeadLetter::new("", "")),
            began,
        };
        if let Some(place) = self.place(letter, grant.record).await? {
            let call = RedisCall::script(&FINISH_WITH_LETTER, self.keys.record(grant.record));
            let call = self.finish_call(call, grant, &end, ROOM).letter(letter, place.at);
            match self.link.call_confirmed(call, Confirm::Disk).await {
                Ok(reply) => {
                    let finished = Finished::read(reply.value, reply.confirmed)?;
                    if !finished.changed {
                        self.give_back(letter, grant.record, &place).await;
                    }
                    return Ok(finished.held);
                }
                Err(fault) if fault.is_full() => {
                    self.give_back(letter, grant.record, &place).await;
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        // There is no room. The record is asked all the same, because the run can be lost.
        Ok(self.finish_without_letter(grant, &end, FULL).await?.held)
    }

    pub(super) async fn status(&self, record: Key) -> Result<Status, StoreError> {
        let call = RedisCall::script(&STATUS, self.keys.record(record)).arg(0);
        let [state, left, token, attempts, kept] = numbers(self.link.call(call).await?)?;
        let left = Duration::from_micros(left);
        let state = match state {
            0 => return Ok(Status::ABSENT),
            1 => RecordState::Running { lease_left: left },
            2 => RecordState::Released { left },
            3 => RecordState::Done,
            4 => RecordState::Dead,
            _ => return Err(unexpected()),
        };
        Ok(Status::new(state, Token(token), count(attempts), kept == 1))
    }

    pub(super) async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        let call = RedisCall::script(&STATUS, self.keys.record(record)).arg(1);
        let [state, left] = numbers(self.link.call(call).await?)?;
        Ok(state == 2 && left > 0)
    }
}

impl Finished {
    fn read(value: Value, confirmed: bool) -> Result<Self, StoreError> {
        let (answer, letter) = match value {
            Value::Array(_) => {
                let (answer, source, at) = read(value)?;
                (answer, Some((source, at)))
            }
            value => (read(value)?, None),
        };
        let held = match answer {
            0 => Held::Lost,
            1 | CHANGED if confirmed => Held::Yes,
            1 | CHANGED => return Err(unconfirmed()),
            2 => Held::NoRoom,
            _ => return Err(unexpected()),
        };
        Ok(Self {
            held,
            changed: answer == CHANGED,
            letter,
        })
    }
}

pub(super) fn count(attempts: u64) -> u32 {
    u32::try_from(attempts).unwrap_or(u32::MAX)
}

/// The write can be lost in a failover or a restart.
pub(super) const UNCONFIRMED: &str =
    "too few replicas acknowledged the write in time (`min_replicas_ack`), or it was not on disk in time";

pub(super) fn unconfirmed() -> StoreError {
    StoreError::new(UNCONFIRMED)
}
