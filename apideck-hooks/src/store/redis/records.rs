//! What is done to one record: by a command or two in the common case of what every event needs, else by a script.

use super::answer::{array, bytes, flag, number, unexpected};
use super::call::{Call, Form, Mark, Outcome, Taking, digits, is_token, short};
use super::link::{Fault, Link, Reply};
use super::queue::Queue;
use super::scripts::{self, Step};
use super::tokens::Tokens;
use crate::delivery::Key;
use crate::store::{End, Held, MAX_ALIASES, Status, StoreError, Token, Verdict};
use ::redis::Value;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The records on one Redis.
pub(super) struct Records {
    pub(super) queue: Arc<Queue>,
    /// Bytes of a letter's body.
    pub(super) body_limit: usize,
    /// None where scripts do it all.
    tokens: Option<Tokens>,
    /// Tells this store's calls from those of others.
    instance: u64,
    calls: AtomicU64,
}

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

impl Records {
    pub(super) fn new(queue: Queue, body_limit: usize, tokens: Option<Tokens>) -> Self {
        Records {
            queue: Arc::new(queue),
            body_limit,
            tokens,
            instance: RandomState::new().hash_one(std::process::id()),
            calls: AtomicU64::new(0),
        }
    }

    pub(super) fn form(&self) -> &Form {
        &self.queue.form
    }

    pub(super) fn link(&self) -> &Link {
        &self.queue.link
    }

    pub(super) fn retention(&self) -> u64 {
        self.form().retention
    }

    pub(super) fn mark(&self) -> Mark {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut mark = [0; 16];
        mark[..8].copy_from_slice(&self.instance.to_le_bytes());
        mark[8..].copy_from_slice(&call.to_le_bytes());
        Mark(mark)
    }

    fn step(&self, script: &'static scripts::Script, record: Key) -> Step {
        Step::script(script, self.form().record_key(record))
    }

    pub(super) fn taking(record: Key, mark: Mark, lease: Duration, delivery: Option<Key>) -> Taking {
        Taking {
            record,
            mark,
            lease: millis(lease),
            delivery,
        }
    }

    /// FirstHandlers a record that is not there, and binds a delivery key that is not bound; or says that it is done. None: that takes a
    /// script.
    pub(super) async fn take_first(&self, taking: Taking) -> Result<Option<Verdict>, Fault> {
        let Some(tokens) = &self.tokens else {
            return Ok(None);
        };
        let token = Token(tokens.next());
        let carried = self.queue.send(Call::First(taking, token)).await?;
        Ok(match carried.outcome {
            Outcome::CarriedOut => Some(Verdict::Granted { token, attempt: 1 }),
            Outcome::IsDone => Some(Verdict::Done),
            Outcome::Unsure => None,
        })
    }

    /// FirstHandlers a record, or with `found` only one that is there, and carries out another step, if there is one: the claim's answer; the
    /// other step's; and whether enough replicas have the claim.
    pub(super) async fn take(
        &self,
        taking: Taking,
        found: bool,
        then: Option<Step>,
    ) -> Result<(Value, Option<Value>, bool), Fault> {
        let short = taking.delivery.map(short);
        let claim = self
            .step(&scripts::CLAIM, taking.record)
            .arg(self.retention())
            .arg(taking.lease)
            .arg(&taking.mark.0[..])
            .arg(short.as_ref().map_or(&[][..], |short| &short[..]))
            .arg(MAX_ALIASES)
            .arg(u8::from(found));
        let steps: Vec<_> = [claim].into_iter().chain(then).collect();
        let Reply { values, kept, .. } = self.link().send(&steps, true).await?;
        let mut values = values.into_iter();
        Ok((values.next().unwrap_or(Value::Nil), values.next(), kept))
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
                lease_left: left_of(&left)?,
            }),
            3 => Some(Verdict::Done),
            4 => Some(Verdict::Dead),
            _ => return Err(unexpected()),
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
            .arg(self.retention());
        self.one(step).await.map(drop)
    }

    pub(super) async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        if !is_token(token) {
            return Ok(Held::Lost);
        }
        let step = self
            .step(&scripts::RENEW, record)
            .arg(&digits(token)[..])
            .arg(millis(lease))
            .arg(self.retention());
        let (value, kept) = self.acked(step).await?;
        match held(&value)? {
            Held::Yes if !kept => Err(too_few()),
            held => Ok(held),
        }
    }

    pub(super) async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        if !is_token(token) {
            return Ok(Held::Lost);
        }
        let mark = self.mark();
        let dead = matches!(end, End::Dead(_));
        let (held, kept) = match end {
            End::Done => self.settle(record, token, mark).await?,
            End::Release => self.end(record, token, mark, "free", false).await?,
            End::Dead(letter) => {
                // Who is late must not move another's letter to the top of the list.
                match self.status(record).await? {
                    Status::Running { token: runs, .. } if runs == token => {}
                    _ => return Ok(Held::Lost),
                }
                // First, so that no letter is ever without its place in the list.
                self.list_dead(record).await?;
                let step = self.step(&scripts::SET_ASIDE, record).arg(&digits(token)[..]);
                let step = step.arg(&mark.0[..]).arg(self.retention());
                let (value, kept) = self.acked(self.letter_args(step, letter)).await?;
                (held(&value)?, kept)
            }
        };
        match (held, kept) {
            (Held::Lost, _) if dead => {
                // Perhaps somebody else's letter is what is listed: that is looked into.
                if let Err(error) = self.unlist_dead(record).await {
                    tracing::debug!(%error, "a place in the list of dead letters is left over");
                }
            }
            (Held::Yes, false) if dead => {
                // Set aside is what is kept: nothing else is acknowledged as that.
                let step = self.step(&scripts::REOPEN, record).arg(&digits(token)[..]);
                let step = step.arg(&mark.0[..]);
                self.one(step.arg(self.retention())).await?;
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
                lease_left: left_of(&left)?,
                token,
                attempt,
            },
            Some(b"free") => Status::Released { token, attempt },
            Some(b"done") => Status::Done { token },
            Some(b"dead") => Status::Dead { token },
            _ => Status::Absent,
        })
    }

    /// Marks a record as done; whether it held, and enough replicas have that.
    async fn settle(&self, record: Key, token: Token, mark: Mark) -> Result<(Held, bool), StoreError> {
        let mut again = false;
        if self.tokens.is_some() {
            let carried = self.queue.send(Call::Done(record, token)).await?;
            if carried.outcome == Outcome::CarriedOut {
                return Ok((Held::Yes, true));
            }
            again = carried.again;
        }
        self.end(record, token, mark, "done", again).await
    }

    /// Settles a record by a script; whether it held, and enough replicas have that. `again`: it may be settled already.
    async fn end(
        &self,
        record: Key,
        token: Token,
        mark: Mark,
        state: &str,
        again: bool,
    ) -> Result<(Held, bool), StoreError> {
        let step = self.step(&scripts::FINISH, record).arg(&digits(token)[..]);
        let step = step.arg(&mark.0[..]).arg(state).arg(self.retention());
        let (value, kept) = self.acked(step.arg(u8::from(again))).await?;
        Ok((held(&value)?, kept))
    }

    /// Carries out one step.
    pub(super) async fn one(&self, step: Step) -> Result<Value, StoreError> {
        let mut values = self.link().send(&[step], false).await?.values;
        values.pop().ok_or_else(unexpected)
    }

    /// Carries out one step; and whether enough replicas have it.
    async fn acked(&self, step: Step) -> Result<(Value, bool), StoreError> {
        let mut reply = self.link().send(&[step], true).await?;
        let value = reply.values.pop().ok_or_else(unexpected)?;
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

fn left_of(value: &Value) -> Result<Duration, StoreError> {
    Ok(Duration::from_millis(u64::try_from(number(value)?).unwrap_or(0)))
}
