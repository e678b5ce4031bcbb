//! What is done to one record, each in one script.

use super::answer::{array, bytes, flag, number};
use super::link::Link;
use super::scripts::{self, Step};
use crate::delivery::Key;
use crate::idempotency::store::{End, Held, MAX_ALIASES, Status, StoreError, Token, Verdict};
use ::redis::Value;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The records on one Redis.
pub(super) struct Records {
    pub(super) link: Link,
    pub(super) prefix: String,
    /// Milliseconds.
    pub(super) retention: u64,
    /// Bytes of a letter's body.
    pub(super) body_limit: usize,
    /// Tells this store's calls from those of others.
    instance: u64,
    calls: AtomicU64,
}

/// Tells a call from all others, so that it can be sent again when its answer was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(pub(super) [u8; 16]);

/// What a claim of a record came to.
pub(super) struct Taken {
    /// None: there is no record, and none was to be made.
    pub(super) verdict: Option<Verdict>,
    /// Whether the delivery key is on the record's list.
    pub(super) listed: bool,
    /// Whether there was perhaps no record before.
    pub(super) new: bool,
}

impl Taken {
    pub(super) fn is_granted(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Granted { .. }))
    }
}

/// A hundred years: `PEXPIRE` refuses what ends too late.
const LONGEST: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// Milliseconds, at least one.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(LONGEST, |ms| ms.clamp(1, LONGEST))
}

/// The part of a delivery key that its record lists.
fn short(delivery: Key) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = delivery.to_bytes();
    [a, b, c, d, e, f, g, h]
}

impl Records {
    pub(super) fn new(link: Link, prefix: String, retention: Duration, body_limit: usize) -> Self {
        Records {
            link,
            prefix,
            retention: millis(retention),
            body_limit,
            instance: RandomState::new().hash_one(std::process::id()),
            calls: AtomicU64::new(0),
        }
    }

    pub(super) fn mark(&self) -> Mark {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut mark = [0; 16];
        mark[..8].copy_from_slice(&self.instance.to_le_bytes());
        mark[8..].copy_from_slice(&call.to_le_bytes());
        Mark(mark)
    }

    pub(super) fn record_key(&self, record: Key) -> Vec<u8> {
        format!("{}:r:{record}", self.prefix).into()
    }

    fn step(&self, script: &'static scripts::Script, record: Key) -> Step {
        Step::script(script, self.record_key(record))
    }

    /// Claims a record; with `kept`, only one that is there. The delivery key is put on its list.
    pub(super) fn claim_step(
        &self,
        record: Key,
        mark: Mark,
        lease: Duration,
        delivery: Option<Key>,
        kept: bool,
    ) -> Step {
        let short = delivery.map(short);
        self.step(&scripts::CLAIM, record)
            .arg(millis(lease))
            .arg(&mark.0[..])
            .arg(short.as_ref().map_or(&[][..], |short| &short[..]))
            .arg(MAX_ALIASES as u64)
            .arg(self.retention)
            .arg(u64::from(kept))
    }

    pub(super) fn read_claim(value: Value) -> Result<Taken, StoreError> {
        let [verdict, token, attempt, left, listed, new] = array(value)?;
        let token = Token(number(&token)?.unsigned_abs());
        let verdict = match number(&verdict)? {
            0 => None,
            1 => Some(Verdict::Granted {
                token,
                attempt: count(&attempt)?,
            }),
            2 => Some(Verdict::Running {
                lease_left: micros(&left)?,
            }),
            3 => Some(Verdict::Done),
            4 => Some(Verdict::Dead),
            _ => return Err(super::answer::unexpected()),
        };
        Ok(Taken {
            verdict,
            listed: flag(&listed)?,
            new: flag(&new)?,
        })
    }

    /// Takes back a claim, and takes the delivery key off the record's list.
    pub(super) async fn withdraw(
        &self,
        record: Key,
        mark: Mark,
        delivery: Option<Key>,
    ) -> Result<(), StoreError> {
        let short = delivery.map(short);
        let step = self
            .step(&scripts::WITHDRAW, record)
            .arg(&mark.0[..])
            .arg(short.as_ref().map_or(&[][..], |short| &short[..]))
            .arg(self.retention);
        self.one(step).await.map(drop)
    }

    pub(super) async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        let step = self
            .step(&scripts::RENEW, record)
            .arg(token.0)
            .arg(millis(lease))
            .arg(self.retention);
        let (value, kept) = self.acked(step).await?;
        match held(&value)? {
            Held::Yes if !kept => Err(too_few()),
            held => Ok(held),
        }
    }

    pub(super) async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        let mark = self.mark();
        let step = self.step(&scripts::FINISH, record).arg(token.0).arg(&mark.0[..]);
        let (step, dead) = match end {
            End::Done => (step.arg("done").arg(self.retention), false),
            End::Release => (step.arg("free").arg(self.retention), false),
            End::Dead(letter) => {
                // Who is late must not move another's letter to the top of the list.
                match self.status(record).await? {
                    Status::Running { token: runs, .. } if runs == token => {}
                    _ => return Ok(Held::Lost),
                }
                // First, so that no letter is ever without its place in the list.
                self.list_dead(record).await?;
                (
                    self.letter_args(step.arg("dead").arg(self.retention), letter),
                    true,
                )
            }
        };
        let (value, kept) = self.acked(step).await?;
        let held = held(&value)?;
        match (held, kept) {
            (Held::Lost, _) if dead => {
                // Perhaps somebody else's letter is what is listed: that is looked into.
                if let Err(error) = self.unlist_dead(record).await {
                    tracing::debug!(%error, "a place in the list of dead letters is left over");
                }
            }
            (Held::Yes, false) if dead => {
                // Set aside is what is kept: nothing else is acknowledged as that.
                let step = self.step(&scripts::REOPEN, record).arg(token.0).arg(&mark.0[..]);
                self.one(step.arg(self.retention)).await?;
                return Err(too_few());
            }
            (Held::Yes, false) => {
                // It was handled: to deny it would run it again.
                tracing::warn!("a run's end is recorded, but by fewer replicas than wanted");
            }
            _ => {}
        }
        Ok(held)
    }

    pub(super) async fn status(&self, record: Key) -> Result<Status, StoreError> {
        let [word, token, attempt, left] = array(self.one(self.step(&scripts::STATUS, record)).await?)?;
        let token = Token(number(&token)?.unsigned_abs());
        let attempt = count(&attempt)?;
        Ok(match bytes(word)?.as_deref() {
            Some(b"run") => Status::Running {
                lease_left: micros(&left)?,
                token,
                attempt,
            },
            Some(b"free") => Status::Released { token, attempt },
            Some(b"done") => Status::Done { token },
            Some(b"dead") => Status::Dead { token },
            _ => Status::Absent,
        })
    }

    /// Carries out one step.
    pub(super) async fn one(&self, step: Step) -> Result<Value, StoreError> {
        let mut values = self.link.send(&[step], false).await?.values;
        values.pop().ok_or_else(super::answer::unexpected)
    }

    /// Carries out one step; and whether enough replicas have it.
    async fn acked(&self, step: Step) -> Result<(Value, bool), StoreError> {
        let mut reply = self.link.send(&[step], true).await?;
        let value = reply.values.pop().ok_or_else(super::answer::unexpected)?;
        Ok((value, reply.kept))
    }
}

/// Fewer replicas than wanted have a write.
pub(super) fn too_few() -> StoreError {
    StoreError::new("fewer replicas than `min_replicas_ack` have confirmed the write")
}

fn held(value: &Value) -> Result<Held, StoreError> {
    Ok(if flag(value)? { Held::Yes } else { Held::Lost })
}

fn count(value: &Value) -> Result<u32, StoreError> {
    Ok(u32::try_from(number(value)?).unwrap_or(u32::MAX))
}

fn micros(value: &Value) -> Result<Duration, StoreError> {
    Ok(Duration::from_micros(u64::try_from(number(value)?).unwrap_or(0)))
}
