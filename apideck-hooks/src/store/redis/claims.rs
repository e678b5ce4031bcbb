//! Claims of an event under its delivery key.
//!
//! # How it works
//!
//! A record and an alias are two keys, and a script uses one key. So a claim takes up to three
//! steps: it reads the alias, it claims the record that the alias names or else the event's record,
//! and if that was granted it binds the alias. Two claims with one alias and two events can both be
//! granted. The one that binds the alias first keeps its grant. The other takes its claim back and
//! claims the record that the alias names.
//!
//! A record is claimed before its alias is bound. So an alias without a record is one whose record
//! has expired, and counts as unbound. A crash between the two steps leaves a claim that ends with
//! its lease.

use ::redis::Value;

use super::fault::CallFault;
use super::letters::Place;
use super::link::Confirm;
use super::reply::{key, numbers, read, unexpected};
use super::runs::{FULL, NOT_KEPT, ROOM, Records, UNCONFIRMED, count, unconfirmed};
use super::scripts::{BIND, CLAIM, RedisCall, UNDO, micros};
use crate::delivery::Key;
use crate::store::{Claim, Claimed, Grant, StoreError, Token, Verdict};

/// Number of times that other claims can bind the alias during a claim.
const TRIES: usize = 4;
/// An alias lives longer than its record by a day, because renewals keep the record and not the
/// alias. Milliseconds.
const ALIAS_GRACE: u64 = 24 * 60 * 60 * 1000;

/// The answer to a claim that was granted and has made the record.
const MADE: u64 = 6;

/// A claim of one record.
struct Taken {
    claimed: Claimed,
    /// The claim made the record.
    made: bool,
    place: Option<Place>,
}

impl Records {
    pub(super) async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let Some(alias) = claim.alias else {
            return Ok(self.take_event(&claim).await?.claimed);
        };
        let life = (self.retention + micros(claim.lease)) / 1000 + ALIAS_GRACE;
        for _ in 0..TRIES {
            let bound = self.read_alias(alias, life).await?;
            let named = match &bound {
                Some(bound) => self.take(&claim, record_of(bound)?, true).await?,
                None => None,
            };
            let taken = match named {
                Some(taken) => taken,
                None => self.take_event(&claim).await?,
            };
            let Verdict::Granted { token, .. } = taken.claimed.verdict else {
                return Ok(taken.claimed);
            };
            let grant = Grant::new(taken.claimed.record, token, claim.id);
            match self.bind(alias, grant, bound.as_deref(), life).await {
                Ok(true) => return Ok(taken.claimed),
                Ok(false) => self.take_back(&claim, grant, taken).await?,
                Err(fault) if fault.is_full() => {
                    self.take_back(&claim, grant, taken).await?;
                    return Ok(Claimed::new(grant.record, Verdict::Full));
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(StoreError::new("other claims kept binding the delivery key"))
    }

    /// Reads the alias and extends it beyond its record.
    async fn read_alias(&self, alias: Key, life: u64) -> Result<Option<String>, StoreError> {
        let name = self.keys.alias(alias);
        let bound: Option<String> = read(self.link.call(RedisCall::command("GET", name.clone())).await?)?;
        if bound.is_some() {
            // Never sooner, because another process can have a longer retention.
            let extend = RedisCall::command("PEXPIRE", name).arg(life).arg("GT");
            self.link.call(extend).await?;
        }
        Ok(bound)
    }

    /// Binds the alias to the record of the grant. Returns `false` if it is bound to another one.
    async fn bind(
        &self,
        alias: Key,
        grant: Grant,
        dangling: Option<&str>,
        life: u64,
    ) -> Result<bool, CallFault> {
        let call = RedisCall::script(&BIND, self.keys.alias(alias));
        let call = call.arg(format!("{}:{:?}", grant.record, grant.id));
        let call = call.arg(dangling.unwrap_or_default()).arg(life);
        let reply = self.link.call_confirmed(call, Confirm::Replicas).await?;
        match (reply.value, reply.confirmed) {
            (Value::Nil, true) => Ok(true),
            (Value::Nil, false) => Err(CallFault::Refused(UNCONFIRMED.to_owned())),
            _ => Ok(false),
        }
    }

    async fn take_event(&self, claim: &Claim) -> Result<Taken, StoreError> {
        self.take(claim, claim.event, false).await?.ok_or_else(unexpected)
    }

    /// Claims a record. With `present`, returns `None` if it is absent.
    async fn take(&self, claim: &Claim, record: Key, present: bool) -> Result<Option<Taken>, StoreError> {
        let place = self.place_of_claim(claim, record).await?;
        let taken = self.take_with(claim, record, present, place.as_ref()).await?;
        let mut lettered = taken.is_some_and(|(claimed, _)| claimed.lettered);
        if !lettered && let (Some(last), Some(place)) = (&claim.last, &place) {
            lettered = self.give_back(&last.letter, record, place).await;
        }
        Ok(taken.map(|(claimed, made)| Taken {
            claimed: claimed.lettered(lettered),
            made,
            place,
        }))
    }

    /// Returns also `true` if the claim made the record.
    async fn take_with(
        &self,
        claim: &Claim,
        record: Key,
        present: bool,
        place: Option<&Place>,
    ) -> Result<Option<(Claimed, bool)>, StoreError> {
        let room = match (self.link.keeps_letters(), place) {
            (false, _) => NOT_KEPT,
            (true, None) if claim.last.is_some() => FULL,
            (true, _) => ROOM,
        };
        let call = RedisCall::script(&CLAIM, self.keys.record(record)).claim(claim, self.retention);
        let mut call = call.arg(room).arg(u8::from(present));
        let mut confirm = Confirm::Replicas;
        if let (Some(last), Some(place)) = (&claim.last, place) {
            call = call.arg(micros(last.min_age)).letter(&last.letter, place.at);
            confirm = Confirm::Disk;
        }
        let reply = match self.link.call_confirmed(call, confirm).await {
            Ok(reply) => reply,
            Err(fault) if fault.is_full() => {
                return Ok(Some((Claimed::new(record, Verdict::Full), false)));
            }
            Err(fault) => return Err(fault.into()),
        };
        let [answer, first, second, lettered] = numbers(reply.value)?;
        let Some(verdict) = verdict(answer, first, second)? else {
            return Ok(None);
        };
        let wrote = lettered == 1 || matches!(verdict, Verdict::Granted { .. });
        if wrote && !reply.confirmed {
            return Err(unconfirmed());
        }
        let claimed = Claimed::new(record, verdict).lettered(lettered == 1);
        Ok(Some((claimed, answer == MADE)))
    }

    /// Takes back a claim that lost its alias, with its letter.
    async fn take_back(&self, claim: &Claim, grant: Grant, taken: Taken) -> Result<(), StoreError> {
        let place = taken.place.filter(|_| taken.claimed.lettered);
        let call = RedisCall::script(&UNDO, self.keys.record(grant.record))
            .grant(grant)
            .keep(self.retention);
        let call = match &place {
            Some(place) => call.arg(place.at),
            None => call.arg(""),
        };
        self.link.call(call.arg(u8::from(taken.made))).await?;
        if let (Some(place), Some(last)) = (&place, &claim.last) {
            self.give_back(&last.letter, grant.record, place).await;
        }
        Ok(())
    }

    /// Claims a record that nobody uses and takes the claim back, to see if the server allows it.
    pub(super) async fn try_out(&self) -> Result<(), StoreError> {
        let nobody = crate::store::ClaimId::random().to_bytes();
        let claim = Claim::new(Key::from_bytes(nobody), std::time::Duration::from_secs(1));
        let call = RedisCall::script(&CLAIM, self.keys.record(claim.event));
        let call = call.claim(&claim, 0).arg(NOT_KEPT).arg(0);
        let [_, token] = match self.link.call(call).await {
            Err(fault) if fault.is_full() => return Ok(()),
            Err(fault) if fault.is_forbidden() => {
                return Err(StoreError::new(format!(
                    "the user may not run the store's scripts: allow it EVAL, EVALSHA and the other commands in \
                     the documentation of `RedisStore`, on the keys of the prefix ({fault})"
                )));
            }
            result => numbers(result?)?,
        };
        let grant = Grant::new(claim.event, Token(token), claim.id);
        let call = RedisCall::script(&UNDO, self.keys.record(claim.event)).grant(grant);
        self.link.call(call.keep(self.retention).arg("").arg(1)).await?;
        Ok(())
    }
}

/// Reads the answer to a claim with its two values. `None` if the record is absent.
fn verdict(answer: u64, first: u64, second: u64) -> Result<Option<Verdict>, StoreError> {
    let left = std::time::Duration::from_micros(first);
    Ok(Some(match answer {
        0 => return Ok(None),
        1 | MADE => Verdict::Granted {
            token: Token(first),
            attempt: count(second),
        },
        2 => Verdict::Running {
            lease_left: left,
            kept: second == 1,
        },
        3 => Verdict::Resting { left },
        4 => Verdict::Done,
        5 => Verdict::Dead { kept: first == 1 },
        _ => return Err(unexpected()),
    }))
}

/// The record that the value of an alias names.
fn record_of(bound: &str) -> Result<Key, StoreError> {
    key(bound.get(..32).ok_or_else(unexpected)?)
}
