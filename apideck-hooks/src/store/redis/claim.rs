//! Claiming an event under its delivery key.
//!
//! A record and an alias are two keys, in a cluster on two servers. What holds them together is the order: **a record is made before
//! its alias**. So an alias without a record means that the record is gone, not that it is yet to come, and the alias may be
//! bound anew. A record that is made while its alias is there already (the record was forgotten, the alias was not) binds the
//! alias anew too, under another mark, so that of two who find a left-over alias one is first. A claim is granted only after
//! its alias was seen to name its record.
//!
//! On one server a claim begins with two commands, each of which makes a key that is not there. If both do, it is granted.
//! If the event is done under
//! this delivery key, it is a duplicate. Otherwise what follows decides, by scripts of one key each, as in a cluster from the
//! start; what the commands made it knows by the call's mark.
//!
//! A crash between the two keys leaves a record without an alias, which a retry of the delivery binds, or a claim of an event
//! whose delivery key turned out to be another's, which ends with its lease.

use super::answer::{binding, unexpected};
use super::call::{Binding, Mark, Taking};
use super::link::Fault;
use super::records::{Records, Taken, too_few};
use super::scripts::{self, Step};
use crate::delivery::Key;
use crate::store::{Claim, Claimed, StoreError, Verdict};
use ::redis::Value;

/// How often a delivery key may change hands under a claim.
const TRIES: usize = 4;

impl Records {
    pub(super) async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let mark = self.mark();
        let taking = Records::taking(claim.event, mark, claim.lease, claim.delivery);
        if let Some(verdict) = self.take_first(taking).await? {
            return Ok(Claimed {
                record: claim.event,
                verdict,
            });
        }
        match claim.delivery {
            Some(delivery) => self.claim_under(&claim, delivery, taking).await,
            None => self.claim_alone(&claim, taking).await,
        }
    }

    async fn claim_alone(&self, claim: &Claim, taking: Taking) -> Result<Claimed, StoreError> {
        let (answer, _, kept) = match self.take(taking, false, None).await {
            Err(fault) if fault.is_full() => return Ok(self.full(claim, taking.mark, &fault).await),
            reply => reply?,
        };
        let taken = Records::read_claim(answer)?;
        if taken.is_granted() && !kept {
            self.withdraw(claim.event, taking.mark, None).await?;
            return Err(too_few());
        }
        claimed(claim.event, &taken)
    }

    async fn claim_under(&self, claim: &Claim, delivery: Key, taking: Taking) -> Result<Claimed, StoreError> {
        let mark = taking.mark;
        let bind = Step::script(&scripts::BIND, self.form().alias_key(delivery))
            .arg(&taking.binding().to_bytes()[..])
            .arg(self.form().alias_life());
        let (answer, alias, kept) = match self.take(taking, false, Some(bind)).await {
            Err(fault) if fault.is_full() => return Ok(self.full(claim, taking.mark, &fault).await),
            reply => reply?,
        };
        let taken = Records::read_claim(answer)?;
        let bound = binding(alias.unwrap_or(Value::Nil))?;
        let result = if taken.is_granted() && !kept {
            Err(too_few())
        } else {
            self.resolve(claim, delivery, &taken, mark, bound).await
        };
        match result {
            Ok(claimed) if claimed.record == claim.event => Ok(claimed),
            Ok(claimed) => {
                // Not this event's delivery key. If this fails, the claim ends with its lease.
                if let Err(error) = self.withdraw(claim.event, mark, Some(delivery)).await {
                    tracing::warn!(%error, "a claim that was not needed could not be taken back");
                }
                Ok(claimed)
            }
            Err(error) => {
                if taken.is_granted() {
                    let _ = self.withdraw(claim.event, mark, None).await;
                }
                Err(error)
            }
        }
    }

    /// Which record the delivery key stands for, `bound` being what it was bound to before this claim.
    async fn resolve(
        &self,
        claim: &Claim,
        delivery: Key,
        taken: &Taken,
        mark: Mark,
        bound: Option<Binding>,
    ) -> Result<Claimed, StoreError> {
        let own = || claimed(claim.event, taken);
        let binding = Binding {
            record: claim.event,
            mark,
        };
        let Some(mut bound) = bound.filter(|bound| taken.listed || *bound != binding) else {
            if !taken.listed {
                // One delivery key too many: it is not remembered.
                self.rebind(delivery, binding, None).await?;
            }
            return own();
        };
        for _ in 0..TRIES {
            if bound.record == claim.event {
                if !(taken.is_granted() && taken.new) {
                    return own();
                }
            } else {
                let taking = Records::taking(bound.record, mark, claim.lease, None);
                let (answer, _, kept) = self.take(taking, true, None).await?;
                let other = Records::read_claim(answer)?;
                if other.is_granted() && !kept {
                    self.withdraw(bound.record, mark, None).await?;
                    return Err(too_few());
                }
                if other.verdict.is_some() {
                    return claimed(bound.record, &other);
                }
            }
            // The alias has outlived its record.
            let binding = taken.listed.then(|| Binding {
                record: claim.event,
                mark: self.mark(),
            });
            match self.rebind(delivery, bound, binding).await? {
                None => return own(),
                Some(now) => bound = now,
            }
        }
        Err(StoreError::new(
            "the delivery key was bound to other events again and again",
        ))
    }

    /// The server has no memory left, and lets nothing go that it was told to keep. The last of it may have been taken by the record.
    async fn full(&self, claim: &Claim, mark: Mark, error: &Fault) -> Claimed {
        tracing::error!(%error, "Redis is out of memory");
        // If this fails, the claim ends with its lease.
        let _ = self.withdraw(claim.event, mark, claim.delivery).await;
        Claimed {
            record: claim.event,
            verdict: Verdict::Full,
        }
    }

    /// Binds a delivery key anew, or to nothing; what it is bound to if that has changed meanwhile.
    async fn rebind(
        &self,
        delivery: Key,
        from: Binding,
        to: Option<Binding>,
    ) -> Result<Option<Binding>, StoreError> {
        let to = to.map(Binding::to_bytes);
        let step = Step::script(&scripts::REBIND, self.form().alias_key(delivery))
            .arg(&from.to_bytes()[..])
            .arg(to.as_ref().map_or(&[][..], |to| &to[..]))
            .arg(self.form().alias_life());
        binding(self.one(step).await?)
    }
}

fn claimed(record: Key, taken: &Taken) -> Result<Claimed, StoreError> {
    let verdict = taken.verdict.ok_or_else(unexpected)?;
    Ok(Claimed { record, verdict })
}
