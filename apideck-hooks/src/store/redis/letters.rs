//! The dead letters. Each is kept in its record, and a list per source holds their places.
//!
//! A letter gets its place first and is written then. So a place can be without a letter, while a
//! letter is being written or after a crash. The list skips such a place, and removes it once it is
//! older than any letter that could still be written for it.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;

use super::RedisStore;
use super::link::Confirm;
use super::reply::{key, numbers, read, unexpected};
use super::runs::{Records, count, unconfirmed};
use super::scripts::{DISPLACE, LETTER, PLACE, PURGE, REPLAY, RedisCall, micros};
use crate::delivery::{Context, Key};
use crate::store::{
    Claim, Cursor, DeadLetter, DeadLetterStore, DeadRecord, LetterFilter, Purged, StoreError, Token, Verdict,
};
use ::redis::Value;

/// A place in the list that was given to a record.
pub(super) struct Place {
    /// Its time.
    pub(super) at: i64,
    /// The time of its place before. Empty if it had none.
    before: String,
}

/// Age of a place without a letter at which it is removed. Twice the age up to which a script
/// writes a letter for it, because the servers' clocks differ.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);
/// Number of letters that are read at once, with and without their bodies.
const PAGES: [usize; 2] = [16, 512];

/// A place as a page of the list has it.
type Listed = (String, f64);

/// The letter of a place.
enum FoundPlace {
    Nothing,
    /// The letter of an event with another name.
    Other,
    Letter(Vec<Value>),
}

/// The position of the letter's time among the values of a letter.
const KEPT_AT: usize = 3;

impl Records {
    /// Gives the record of a letter the newest place. `None` if the letter has no room.
    pub(super) async fn place(&self, letter: &DeadLetter, record: Key) -> Result<Option<Place>, StoreError> {
        let fits = letter.body.len() <= DeadLetter::MAX_BODY;
        if !fits || !self.link.check_letters(&self.keys.record(record)).await? {
            return Ok(None);
        }
        let sources = RedisCall::command("SADD", self.keys.sources()).arg(&letter.source);
        let place = RedisCall::script(&PLACE, self.keys.letters(&letter.source));
        let place = place.arg(record.to_string()).arg(self.max_dead_letters);
        for call in [sources, place] {
            match self.link.call_confirmed(call, Confirm::Disk).await {
                Ok(reply) if !reply.confirmed => return Err(unconfirmed()),
                Ok(reply) => {
                    if let Value::Array(values) = reply.value {
                        let place: Vec<String> = read(Value::Array(values))?;
                        let [at, before] = match <[String; 2]>::try_from(place) {
                            Ok(place) => place,
                            Err(_) => return Ok(None),
                        };
                        let at = at.parse().map_err(|_| unexpected())?;
                        return Ok(Some(Place { at, before }));
                    }
                }
                Err(fault) if fault.is_full() => return Ok(None),
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(unexpected())
    }

    /// The place for the letter of a last delivery. `None` if no letter will be written, or the
    /// list has no room.
    pub(super) async fn place_of_claim(
        &self,
        claim: &Claim,
        record: Key,
    ) -> Result<Option<Place>, StoreError> {
        let Some(last) = &claim.last else {
            return Ok(None);
        };
        let kept = RedisCall::command("HEXISTS", self.keys.record(record)).arg("source");
        let kept: u64 = read(self.link.call(kept).await?)?;
        match kept {
            0 => self.place(&last.letter, record).await,
            _ => Ok(None),
        }
    }

    /// Gives a place back, unless its letter is kept. Returns `true` if it is.
    ///
    /// The record is asked, because the answer to a call that was sent again does not tell what the
    /// first one wrote. A place that may have a letter stays.
    ///
    /// The first call does not write the letter later. Where the second one ended the run, was
    /// granted the claim, or found the run lost or the event settled, the scripts go by the phase
    /// and the grant, and a later call changes nothing. In the other cases the first call is not
    /// later: the server has read it, or closed its connection, before it took the connection of
    /// the second one.
    pub(super) async fn give_back(&self, letter: &DeadLetter, record: Key, place: &Place) -> bool {
        match self.find(&letter.source, record, None, false).await {
            Ok(FoundPlace::Letter(values)) if values.get(KEPT_AT) == Some(&Value::Int(place.at)) => true,
            Ok(_) => {
                self.displace(&letter.source, record, place.at, &place.before)
                    .await;
                false
            }
            Err(error) => {
                tracing::debug!(%error, "a place in the list of dead letters was not given back");
                false
            }
        }
    }

    /// Removes a place if it still has this time. A failure leaves a place without a letter.
    pub(super) async fn displace(&self, source: &str, record: Key, at: i64, before: &str) {
        self.displace_after(source, record, at, before, Duration::ZERO)
            .await;
    }

    async fn displace_after(&self, source: &str, record: Key, at: i64, before: &str, age: Duration) {
        let call = RedisCall::script(&DISPLACE, self.keys.letters(source)).arg(record.to_string());
        let call = call.arg(at).arg(before).arg(micros(age));
        if let Err(error) = self.link.call(call).await {
            tracing::debug!(%error, "a place in the list of dead letters was not removed");
        }
    }

    async fn find(
        &self,
        source: &str,
        record: Key,
        name: Option<&str>,
        fields: bool,
    ) -> Result<FoundPlace, StoreError> {
        let call = RedisCall::script(&LETTER, self.keys.record(record)).arg(source);
        let call = call.arg(u8::from(name.is_some())).arg(name.unwrap_or_default());
        match self.link.call(call.arg(u8::from(fields))).await? {
            Value::Array(values) => Ok(match values.first() {
                None => FoundPlace::Nothing,
                Some(Value::Int(0)) => FoundPlace::Other,
                Some(_) => FoundPlace::Letter(values),
            }),
            _ => Err(unexpected()),
        }
    }

    /// Reads a page of the list, newest first, and the letters that the filter matches. Returns
    /// also the time of the last place. `None` after the last page.
    async fn page(
        &self,
        source: &str,
        filter: &LetterFilter,
        end: i64,
        size: usize,
        fields: bool,
    ) -> Result<Option<(Vec<(Cursor, Vec<Value>)>, i64)>, StoreError> {
        let (since, _) = filter.microseconds();
        let call = RedisCall::command("ZREVRANGEBYSCORE", self.keys.letters(source));
        let call = call.arg(format!("({end}")).arg(since).arg("WITHSCORES");
        let places = self.link.call(call.arg("LIMIT").arg(0).arg(size)).await?;
        let places: Vec<Listed> = read(places)?;
        let places: Vec<Cursor> = places
            .iter()
            .map(|(record, at)| Ok(Cursor::new(*at as i64, key(record)?)))
            .collect::<Result<_, StoreError>>()?;
        let Some(last) = places.last().map(|place| place.at) else {
            return Ok(None);
        };
        let name = filter.event_type.as_deref();
        let found = places
            .iter()
            .map(|place| self.find(source, place.record, name, fields));
        let mut letters = Vec::new();
        for (place, found) in places.iter().zip(try_join_all(found).await?) {
            match found {
                FoundPlace::Letter(values) => letters.push((*place, values)),
                FoundPlace::Other => {}
                FoundPlace::Nothing => {
                    self.displace_after(source, place.record, place.at, "", ABANDONED)
                        .await;
                }
            }
        }
        Ok(Some((letters, last)))
    }
}

#[async_trait]
impl DeadLetterStore for RedisStore {
    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<DeadRecord>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (_, until) = filter.microseconds();
        // No two places have one time, so the time of the cursor is enough.
        let mut end = before.map_or(until, |cursor| cursor.at.min(until));
        let mut list = Vec::new();
        while list.len() < limit {
            let size = (limit - list.len()).min(PAGES[0]);
            let Some((letters, last)) = self.records.page(source, filter, end, size, true).await? else {
                break;
            };
            for (place, values) in letters {
                list.push(dead_record(source, place.record, Some(place.at), values)?);
            }
            end = last;
        }
        Ok(list)
    }

    async fn count(&self, source: &str, filter: &LetterFilter) -> Result<u64, StoreError> {
        let (mut count, (_, mut end)) = (0, filter.microseconds());
        while let Some((letters, last)) = self.records.page(source, filter, end, PAGES[1], false).await? {
            count += letters.len() as u64;
            end = last;
        }
        Ok(count)
    }

    async fn sources(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let call = RedisCall::command("SMEMBERS", self.records.keys.sources());
        let mut names: Vec<String> = read(self.records.link.call(call).await?)?;
        names.sort_unstable();
        let mut sources = Vec::new();
        for name in names {
            let count = self.count(&name, &LetterFilter::new()).await?;
            if count > 0 {
                sources.push((name, count));
            }
        }
        Ok(sources)
    }

    async fn get(&self, source: &str, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        match self.records.find(source, record, None, true).await? {
            FoundPlace::Letter(values) => Ok(Some(dead_record(source, record, None, values)?)),
            _ => Ok(None),
        }
    }

    async fn replay(&self, source: &str, claim: Claim) -> Result<Option<Verdict>, StoreError> {
        let records = &self.records;
        let call = RedisCall::script(&REPLAY, records.keys.record(claim.event));
        let call = call.claim(&claim, records.retention).arg(source);
        let reply = records.link.call_confirmed(call, Confirm::Replicas).await?;
        let [verdict, first, second] = numbers(reply.value)?;
        match verdict {
            0 => Ok(None),
            1 if !reply.confirmed => Err(unconfirmed()),
            1 => Ok(Some(Verdict::Granted {
                token: Token(first),
                attempt: count(second),
            })),
            2 => Ok(Some(Verdict::Running {
                lease_left: Duration::from_micros(first),
                kept: true,
            })),
            _ => Err(unexpected()),
        }
    }

    async fn purge(&self, source: &str, record: Key) -> Result<Purged, StoreError> {
        let records = &self.records;
        let call = RedisCall::script(&PURGE, records.keys.record(record))
            .arg(source)
            .keep(records.retention);
        let reply = records.link.call_confirmed(call, Confirm::Replicas).await?;
        let [purged, at] = numbers(reply.value)?;
        match purged {
            0 => Ok(Purged::Unknown),
            1 => {
                records
                    .displace(source, record, i64::try_from(at).unwrap_or(i64::MAX), "")
                    .await;
                if reply.confirmed {
                    Ok(Purged::Yes)
                } else {
                    Err(unconfirmed())
                }
            }
            2 => Ok(Purged::Busy),
            _ => Err(unexpected()),
        }
    }
}

/// Reads the values of the script. The time of the letter's place is used, if it is known.
fn dead_record(
    source: &str,
    record: Key,
    at: Option<i64>,
    values: Vec<Value>,
) -> Result<DeadRecord, StoreError> {
    let mut values = values.into_iter().skip(1);
    let mut next = || values.next().ok_or_else(unexpected);
    let attempts = count(read(next()?)?);
    let running = read::<u64>(next()?)? == 1;
    let kept_at = read(next()?)?;
    let mut texts = [const { String::new() }; 6];
    for text in &mut texts {
        *text = String::from_utf8_lossy(&read::<Vec<u8>>(next()?)?).into_owned();
    }
    let [event_type, event_id, entity_id, consumer_id, context, error] = texts;
    let body: Vec<u8> = read(next()?)?;
    let letter = DeadLetter::new(source, body)
        .event(event_type, event_id, entity_id, consumer_id)
        .context(Context::from_json(&context))
        .error(error);
    Ok(DeadRecord::new(
        record,
        at.unwrap_or(kept_at),
        attempts,
        running,
        letter,
    ))
}
