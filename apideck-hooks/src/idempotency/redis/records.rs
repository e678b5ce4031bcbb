//! What is done to one record, each in one script.

use super::answer::{array, binding, bytes, checked, flag, list, number, unexpected};
use super::call::{Alias, Binding, Call, Ending, Form, Mark, Taking, digits, short};
use super::link::{Fault, Link, Reply};
use super::queue::Queue;
use super::scripts::{self, Step};
use crate::delivery::Key;
use crate::idempotency::store::{End, Held, Status, StoreError, Token, Verdict};
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
    /// What the delivery key was bound to before, where the claim binds it.
    pub(super) bound: Option<Binding>,
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
    pub(super) fn new(link: Link, prefix: String, retention: Duration, body_limit: usize) -> Self {
        let retention = millis(retention);
        Records {
            queue: Arc::new(Queue::new(link, Form { prefix, retention })),
            body_limit,
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

    /// Carries out a call, perhaps together with others.
    async fn together(&self, call: Call) -> Result<Value, Fault> {
        checked(self.queue.send(call).await?)
    }

    /// Claims a record and binds the delivery key, perhaps together with others.
    pub(super) async fn take_bound(&self, taking: Taking) -> Result<Value, Fault> {
        self.together(Call::Take(taking)).await
    }

    /// Claims a record and carries out another step, if there is one: the claim's answer; the other step's; and whether enough
    /// replicas have the claim.
    pub(super) async fn take(
        &self,
        taking: Taking,
        alias: Alias,
        then: Option<Step>,
    ) -> Result<(Value, Option<Value>, bool), Fault> {
        let steps: Vec<_> = [self.form().take([&taking].into_iter(), alias)]
            .into_iter()
            .chain(then)
            .collect();
        let Reply { values, kept } = self.link().send(&steps, true).await?;
        let mut values = values.into_iter();
        let answer = first(values.next());
        Ok((checked(answer)?, values.next(), kept))
    }

    pub(super) fn read_claim(value: Value) -> Result<Taken, StoreError> {
        if let Value::Int(token) = value {
            return Ok(Taken {
                verdict: Some(Verdict::Granted {
                    token: Token(token.unsigned_abs()),
                    attempt: 1,
                }),
                listed: true,
                new: true,
                bound: None,
            });
        }
        let mut values = list(value)?;
        let bound = if values.len() == 7 { values.pop() } else { None };
        let [verdict, token, attempt, left, listed, new] = array(Value::Array(values))?;
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
            _ => return Err(unexpected()),
        };
        Ok(Taken {
            verdict,
            listed: flag(&listed)?,
            new: flag(&new)?,
            bound: binding(bound.unwrap_or(Value::Nil))?,
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
        let step = self
            .step(&scripts::RENEW, record)
            .arg(digits(token))
            .arg(millis(lease))
            .arg(self.retention());
        let (value, kept) = self.acked(step).await?;
        match held(&value)? {
            Held::Yes if !kept => Err(too_few()),
            held => Ok(held),
        }
    }

    pub(super) async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        let mark = self.mark();
        let ending = |done| Ending {
            record,
            token,
            mark,
            done,
        };
        let (held, kept, dead) = match end {
            End::Done => self.end(ending(true)).await?,
            End::Release => self.end(ending(false)).await?,
            End::Dead(letter) => {
                // Who is late must not move another's letter to the top of the list.
                match self.status(record).await? {
                    Status::Running { token: runs, .. } if runs == token => {}
                    _ => return Ok(Held::Lost),
                }
                // First, so that no letter is ever without its place in the list.
                self.list_dead(record).await?;
                let step = self.step(&scripts::SET_ASIDE, record).arg(digits(token));
                let step = step.arg(&mark.0[..]).arg(self.retention());
                let (value, kept) = self.acked(self.letter_args(step, letter)).await?;
                (held(&value)?, kept, true)
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
                let step = self.step(&scripts::REOPEN, record).arg(digits(token));
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

    /// Settles a record; whether it held, and enough replicas have that.
    async fn end(&self, ending: Ending) -> Result<(Held, bool, bool), StoreError> {
        let (value, kept) = if self.link().takes_many() {
            (self.together(Call::End(ending)).await?, true)
        } else {
            let (value, kept) = self.acked(self.form().end([&ending].into_iter())).await?;
            (checked(first(Some(value)))?, kept)
        };
        Ok((held(&value)?, kept, false))
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

/// The answer to the one call that a script was for.
fn first(answers: Option<Value>) -> Value {
    match answers {
        Some(Value::Array(mut answers)) if answers.len() == 1 => answers.remove(0),
        _ => Value::Nil,
    }
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
