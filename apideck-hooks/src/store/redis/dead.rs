//! Letters of events that were set aside, and the list of them.
//!
//! A letter is in its record, and lives and dies with it. The list is another key, a sorted set: an event is put on it before
//! its record is `DEAD`, and taken off some time after its letter is gone. So the list may name what has no letter, and never
//! lacks one; who reads it passes over what has none and takes it off, unless it runs and may be set aside any moment. That
//! is safe as long as the place in the list is still the one that was read.

use super::answer::{bytes, key, list, text, unexpected};
use super::records::Records;
use super::scripts::{self, Step};
use crate::delivery::Key;
use crate::store::StoreError;
use crate::store::dead_letters::{Cursor, DeadLetter, DeadRecord, since_epoch};
use ::redis::Value;
use futures_util::stream::{self, StreamExt, TryStreamExt};

/// How many records are read at a time: a letter's body may be large.
const READ_AT_ONCE: usize = 16;
/// How many places in the list are read at a time.
const PAGE: u64 = 64;

/// A place in the list.
struct Place {
    record: Key,
    /// As Redis writes it.
    score: Vec<u8>,
}

impl Place {
    fn cursor(&self) -> Cursor {
        // A number of microseconds, which Redis keeps as a float.
        let score = std::str::from_utf8(&self.score)
            .ok()
            .and_then(|score| score.parse::<f64>().ok());
        Cursor {
            at: score.map_or(0, |score| score as i64),
            record: self.record,
        }
    }
}

/// What a place in the list leads to.
enum Found {
    Letter(Box<DeadRecord>),
    /// Nothing yet: it is being handled.
    Running,
    Nothing,
}

impl Records {
    pub(super) async fn letters(
        &self,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<DeadRecord>, StoreError> {
        let limit = limit as usize;
        let mut records = Vec::new();
        let mut after = before;
        let mut left_over = Vec::new();
        while records.len() < limit {
            let wanted = PAGE.min((limit - records.len()) as u64);
            let places = self.page(after, wanted).await?;
            let Some(last) = places.last() else { break };
            after = Some(last.cursor());
            for (place, found) in self.look_up(places).await? {
                match found {
                    Found::Letter(record) => records.push(*record),
                    Found::Running => {}
                    Found::Nothing => left_over.push(place),
                }
            }
        }
        self.unlist(left_over).await?;
        Ok(records)
    }

    pub(super) async fn letter(&self, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        let step = Step::command("ZSCORE", self.index_key()).arg(&record.to_bytes()[..]);
        let Some(score) = bytes(self.one(step).await?)? else {
            return Ok(None);
        };
        Ok(match self.find(&Place { record, score }).await? {
            Found::Letter(record) => Some(*record),
            Found::Running | Found::Nothing => None,
        })
    }

    pub(super) async fn release_letter(&self, record: Key) -> Result<bool, StoreError> {
        let step = Step::script(&scripts::RELEASE, self.form().record_key(record)).arg(self.retention());
        super::answer::flag(&self.one(step).await?)
    }

    pub(super) async fn purge_letter(&self, record: Key) -> Result<bool, StoreError> {
        let step = Step::script(&scripts::PURGE, self.form().record_key(record));
        super::answer::flag(&self.one(step).await?)
    }

    /// Puts a record on top of the list.
    pub(super) async fn list_dead(&self, record: Key) -> Result<(), StoreError> {
        let step = Step::script(&scripts::INDEX_ADD, self.index_key()).arg(&record.to_bytes()[..]);
        self.one(step).await.map(drop)
    }

    /// Takes a record off the list, if it has no letter and will get none.
    pub(super) async fn unlist_dead(&self, record: Key) -> Result<(), StoreError> {
        let step = Step::command("ZSCORE", self.index_key()).arg(&record.to_bytes()[..]);
        let Some(score) = bytes(self.one(step).await?)? else {
            return Ok(());
        };
        let places = self.look_up(vec![Place { record, score }]).await?;
        self.unlist(nothings(places)).await
    }

    /// Takes off the list what was put there a retention ago and has no letter any more.
    pub(super) async fn sweep(&self) -> Result<(), StoreError> {
        let mut passed = 0;
        loop {
            let step = Step::script(&scripts::INDEX_OLD, self.index_key())
                .arg(self.retention())
                .arg(passed)
                .arg(PAGE);
            let places = places(self.one(step).await?)?;
            if places.is_empty() {
                return Ok(());
            }
            let old = places.len() as u64;
            let nothings = nothings(self.look_up(places).await?);
            passed += old - nothings.len() as u64;
            self.unlist(nothings).await?;
        }
    }

    /// The letter, as the arguments of the script that keeps it.
    pub(super) fn letter_args(&self, step: Step, letter: DeadLetter) -> Step {
        let DeadLetter {
            source,
            event_type,
            event_id,
            error,
            body,
        } = letter.fit(self.body_limit);
        step.arg(&*source)
            .arg(&*event_type)
            .arg(&*event_id)
            .arg(&*error)
            .arg(body.as_deref().unwrap_or_default())
            .arg(u64::from(body.is_none()))
    }

    async fn page(&self, after: Option<Cursor>, count: u64) -> Result<Vec<Place>, StoreError> {
        let record = after.map(|after| after.record.to_bytes());
        let step = Step::script(&scripts::INDEX_PAGE, self.index_key())
            .arg(count)
            .arg(record.as_ref().map_or(&[][..], |record| &record[..]))
            .arg(&*after.map_or_else(String::new, |after| after.at.to_string()));
        places(self.one(step).await?)
    }

    async fn look_up(&self, places: Vec<Place>) -> Result<Vec<(Place, Found)>, StoreError> {
        stream::iter(places)
            .map(|place| async move {
                let found = self.find(&place).await?;
                Ok((place, found))
            })
            .buffered(READ_AT_ONCE)
            .try_collect()
            .await
    }

    async fn find(&self, place: &Place) -> Result<Found, StoreError> {
        let record = place.record;
        let step = Step::script(&scripts::LETTER, self.form().record_key(record));
        let mut values = list(self.one(step).await?)?.into_iter();
        let state = values.next().map(bytes).transpose()?.flatten();
        let values: Vec<_> = values.map(bytes).collect::<Result<_, _>>()?;
        if values.is_empty() {
            return Ok(match state.as_deref() {
                Some(b"run") => Found::Running,
                _ => Found::Nothing,
            });
        }
        let [since, tries, source, event_type, event_id, error, body, cut]: [Option<Vec<u8>>; 8] =
            values.try_into().map_err(|_| unexpected())?;
        let since: i64 = text(since).parse().map_err(|_| unexpected())?;
        Ok(Found::Letter(Box::new(DeadRecord {
            record,
            cursor: place.cursor(),
            attempts: text(tries).parse().unwrap_or(0),
            since: since_epoch(since).ok_or_else(unexpected)?,
            letter: DeadLetter {
                source: text(source),
                event_type: text(event_type),
                event_id: text(event_id),
                error: text(error),
                body: (cut.as_deref() != Some(b"1")).then(|| body.unwrap_or_default().into()),
            },
        })))
    }

    /// Takes places off the list, if nobody has been put there again.
    async fn unlist(&self, places: Vec<Place>) -> Result<(), StoreError> {
        for place in places {
            let step = Step::script(&scripts::INDEX_DROP, self.index_key())
                .arg(&place.record.to_bytes()[..])
                .arg(&*place.score);
            self.one(step).await?;
        }
        Ok(())
    }

    fn index_key(&self) -> Vec<u8> {
        format!("{}:dead", self.form().prefix).into()
    }
}

fn nothings(places: Vec<(Place, Found)>) -> Vec<Place> {
    places
        .into_iter()
        .filter(|(_, found)| matches!(found, Found::Nothing))
        .map(|(place, _)| place)
        .collect()
}

/// Members and scores in turn.
fn places(value: Value) -> Result<Vec<Place>, StoreError> {
    let values = list(value)?
        .into_iter()
        .map(|value| bytes(value)?.ok_or_else(unexpected))
        .collect::<Result<Vec<_>, _>>()?;
    values
        .chunks_exact(2)
        .map(|pair| {
            Ok(Place {
                record: key(&pair[0])?,
                score: pair[1].clone(),
            })
        })
        .collect()
}
