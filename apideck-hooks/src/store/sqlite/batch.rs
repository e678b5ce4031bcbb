//! The records that one transaction is about: loaded, changed, saved.

use super::database::Failed;
use super::operation::{Answered, Operation};
use super::record::{Letter, Now, Record, State};
use crate::delivery::Key;
use crate::store::dead_letters::DeadLetter;
use crate::store::{Claim, Claimed, End, Held, MAX_ALIASES, Token, Verdict};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use std::collections::HashMap;
use std::fmt::Write;
use std::iter::once;

/// One statement for any number of keys: they travel as JSON arrays of hexadecimal texts.
macro_rules! load {
    () => {
        "SELECT NULL, r.key, r.state, r.at, r.boot, r.token, r.attempt, r.aliases, r.letter
        FROM json_each(?1) AS wanted CROSS JOIN apideck_hooks_records AS r ON r.key = unhex(wanted.value)
        UNION ALL
        SELECT a.delivery, r.key, r.state, r.at, r.boot, r.token, r.attempt, r.aliases, r.letter
        FROM json_each(?2) AS wanted
        CROSS JOIN apideck_hooks_aliases AS a ON a.delivery = unhex(wanted.value)
        CROSS JOIN apideck_hooks_records AS r ON r.id = a.record"
    };
}

/// Together: the way to SQLite's thread and back takes longer than each of them.
macro_rules! save {
    () => {
        "INSERT INTO apideck_hooks_records (key, state, at, boot, token, attempt, aliases, letter)
        SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
        FROM json_each(?1) WHERE true
        ON CONFLICT (key) DO UPDATE SET state = excluded.state, at = excluded.at, boot = excluded.boot,
        token = excluded.token, attempt = excluded.attempt, aliases = excluded.aliases, letter = excluded.letter;
        INSERT INTO apideck_hooks_aliases (delivery, record)
        SELECT unhex(value ->> 0), r.id
        FROM json_each(?2) AS bound CROSS JOIN apideck_hooks_records AS r ON r.key = unhex(bound.value ->> 1)
        WHERE true
        ON CONFLICT (delivery) DO UPDATE SET record = excluded.record;"
    };
}

/// What is decided here holds once it is committed: the transaction keeps every other writer away meanwhile.
pub(super) struct Batch {
    now: Now,
    /// Greater than no token of a record that was removed: a new record starts above it, so that an owner who was
    /// forgotten cannot be taken for the new one. Within this process, as no owner outlives it.
    pub(super) floor: u64,
    records: HashMap<Key, Slot>,
    /// Delivery keys whose record there is.
    aliases: HashMap<Key, Key>,
    bound: HashMap<Key, Key>,
    /// A letter to keep, or none to delete it.
    letters: HashMap<Key, Option<(u32, DeadLetter)>>,
}

#[derive(Default)]
struct Slot {
    record: Option<Record>,
    changed: bool,
    /// A record of this name, and all that hangs on it, is to be deleted first.
    removed: bool,
}

impl Batch {
    /// Begins a transaction and loads what these operations are about. Unless [`Batch::save`] ends well, the
    /// transaction has to be rolled back, which dropping the connection does too.
    pub(super) async fn load(
        connection: &mut SqliteConnection,
        operations: &[Operation],
        now: Now,
        floor: u64,
    ) -> Result<Self, Failed> {
        // A transaction that no other writer can get in the way of.
        const BEGIN: &str = concat!("BEGIN IMMEDIATE;", load!());
        let records = operations.iter().map(Operation::record);
        let deliveries = operations.iter().filter_map(Operation::delivery);
        let rows = rows_of(connection, BEGIN, records, deliveries).await?;
        Batch::read(&rows, now, floor)
    }

    /// The same in a transaction that has begun, about one record.
    pub(super) async fn load_one(
        connection: &mut SqliteConnection,
        (record, delivery): (Key, Option<Key>),
        now: Now,
        floor: u64,
    ) -> Result<Self, Failed> {
        let (record, delivery) = (once(record), delivery.into_iter());
        let rows = rows_of(connection, load!(), record, delivery).await?;
        Batch::read(&rows, now, floor)
    }

    fn read(rows: &[SqliteRow], now: Now, floor: u64) -> Result<Self, Failed> {
        let mut batch = Batch {
            now,
            floor,
            records: HashMap::with_capacity(rows.len()),
            aliases: HashMap::new(),
            bound: HashMap::new(),
            letters: HashMap::new(),
        };
        for row in rows {
            let (key, record) = (key(row, 1)?, decode(row, 2)?);
            if row.try_get::<Option<&[u8]>, _>(0)?.is_some() {
                batch.aliases.insert(self::key(row, 0)?, key);
            }
            let slot = Slot {
                record: Some(record),
                ..Slot::default()
            };
            batch.records.insert(key, slot);
        }
        Ok(batch)
    }

    /// Does one operation. Its answer is to be given once the batch is committed.
    pub(super) fn apply(&mut self, operation: Operation) -> Answered {
        match operation {
            Operation::Claim(claim, reply) => Answered::Claimed(self.claim(claim), reply),
            Operation::Renew(key, token, lease, reply) => {
                let now = self.now;
                let held = self.held(key, |record| record.renew(token, &now, lease));
                Answered::Held(held, reply)
            }
            Operation::Finish(key, token, end, reply) => Answered::Held(self.finish(key, token, end), reply),
            Operation::Count(claim, end, reply) => Answered::Counted(self.count(claim, end), reply),
            Operation::GiveBack(key, token) => {
                self.give_back(key, token);
                Answered::Nobody
            }
            Operation::Release(key, reply) => {
                let now = self.now;
                let released = self.live(key).is_some_and(|slot| {
                    slot.changed = true;
                    slot.record.as_mut().is_some_and(|record| record.release(&now))
                });
                Answered::Told(released, reply)
            }
            Operation::Purge(key, reply) => {
                let now = self.now;
                let purged = self
                    .live(key)
                    .and_then(|slot| slot.record)
                    .is_some_and(|record| record.letter != Letter::None && !record.is_leased(&now));
                if purged {
                    self.remove(key);
                }
                Answered::Told(purged, reply)
            }
        }
    }

    pub(super) fn claim(&mut self, claim: Claim) -> Claimed {
        let Claim {
            event,
            delivery,
            lease,
            ..
        } = claim;
        let now = self.now;
        let known = delivery.and_then(|delivery| self.aliases.get(&delivery).copied());
        let known = known.filter(|record| self.live(*record).is_some());
        let key = known.unwrap_or(event);
        if self.live(key).is_none() {
            self.remove(key);
        }
        let slot = self.records.entry(key).or_default();
        let floor = self.floor;
        let record = slot.record.get_or_insert_with(|| Record::new(floor, &now));
        let before = *record;
        let verdict = record.claim(&now, lease);
        if let (None, Some(delivery)) = (known, delivery)
            && usize::from(record.aliases) < MAX_ALIASES
        {
            record.aliases += 1;
            self.aliases.insert(delivery, key);
            self.bound.insert(delivery, key);
        }
        slot.changed |= before != *record;
        Claimed { record: key, verdict }
    }

    fn count(&mut self, claim: Claim, end: End) -> Claimed {
        let claimed = self.claim(claim);
        match claimed.verdict {
            Verdict::Granted { token, .. } if claimed.record == claim.event => {
                self.finish(claimed.record, token, end);
            }
            Verdict::Granted { token, .. } => self.give_back(claimed.record, token),
            _ => {}
        }
        claimed
    }

    fn give_back(&mut self, key: Key, token: Token) {
        if let Some(slot) = self.records.get_mut(&key)
            && let Some(record) = &mut slot.record
        {
            record.give_back(token, &self.now);
            slot.changed = true;
        }
    }

    fn held(&mut self, key: Key, change: impl FnOnce(&mut Record) -> Held) -> Held {
        let Some(slot) = self.records.get_mut(&key) else {
            return Held::Lost;
        };
        let held = slot.record.as_mut().map_or(Held::Lost, change);
        slot.changed |= held == Held::Yes;
        held
    }

    pub(super) fn finish(&mut self, key: Key, token: Token, end: End) -> Held {
        let now = self.now;
        let mut letter = None;
        let held = self.held(key, |record| {
            let had = record.letter != Letter::None;
            let held = record.finish(token, &end, &now);
            letter = match end {
                End::Dead(kept) => Some(Some((record.attempt, kept))),
                End::Done if had => Some(None),
                End::Done | End::Release => None,
            };
            held
        });
        if let (Held::Yes, Some(letter)) = (held, letter) {
            self.letters.insert(key, letter);
        }
        held
    }

    /// The record, if there is one whose retention is not over.
    fn live(&mut self, key: Key) -> Option<&mut Slot> {
        let now = self.now;
        self.records
            .get_mut(&key)
            .filter(|slot| slot.record.is_some_and(|record| !record.is_over(&now)))
    }

    fn remove(&mut self, key: Key) {
        let Some(slot) = self.records.get_mut(&key) else {
            return;
        };
        if let Some(record) = slot.record.take() {
            self.floor = self.floor.max(record.token);
            slot.removed = true;
            self.letters.remove(&key);
            self.aliases.retain(|_, record| *record != key);
            self.bound.retain(|_, record| *record != key);
        }
    }

    /// Writes what was changed, and commits.
    pub(super) async fn save(&self, connection: &mut SqliteConnection) -> Result<(), Failed> {
        self.write(connection, concat!(save!(), "COMMIT")).await
    }

    /// Writes what was changed, in a transaction that goes on.
    pub(super) async fn save_open(&self, connection: &mut SqliteConnection) -> Result<(), Failed> {
        self.write(connection, save!()).await
    }

    async fn write(&self, connection: &mut SqliteConnection, save: &'static str) -> Result<(), Failed> {
        let removed = self.records.iter().filter(|(_, slot)| slot.removed);
        let removed: Vec<Key> = removed.map(|(key, _)| *key).collect();
        if !removed.is_empty() {
            delete(connection, &removed).await?;
        }
        for (key, letter) in &self.letters {
            save_letter(connection, *key, letter.as_ref(), self.now.at).await?;
        }
        let pairs = self.bound.iter();
        let pairs = pairs.map(|(delivery, record)| format!("[\"{delivery}\",\"{record}\"]"));
        sqlx::query(save)
            .bind(rows(self.records.iter().filter(|(_, slot)| slot.changed)))
            .bind(format!("[{}]", pairs.collect::<Vec<_>>().join(",")))
            .execute(connection)
            .await?;
        Ok(())
    }
}

async fn rows_of(
    connection: &mut SqliteConnection,
    load: &'static str,
    records: impl Iterator<Item = Key>,
    deliveries: impl Iterator<Item = Key>,
) -> Result<Vec<SqliteRow>, Failed> {
    let query = sqlx::query(load).bind(json(records)).bind(json(deliveries));
    Ok(query.fetch_all(connection).await?)
}

/// Deletes records, with all that hangs on them.
pub(super) async fn delete(connection: &mut SqliteConnection, records: &[Key]) -> Result<(), Failed> {
    const DELETE: &str = "
        DELETE FROM apideck_hooks_aliases WHERE record IN
        (SELECT id FROM apideck_hooks_records WHERE key IN (SELECT unhex(value) FROM json_each(?1)));
        DELETE FROM apideck_hooks_dead_letters WHERE key IN (SELECT unhex(value) FROM json_each(?1));
        DELETE FROM apideck_hooks_records WHERE key IN (SELECT unhex(value) FROM json_each(?1))";
    sqlx::query(DELETE)
        .bind(json(records.iter().copied()))
        .execute(connection)
        .await?;
    Ok(())
}

async fn save_letter(
    connection: &mut SqliteConnection,
    record: Key,
    letter: Option<&(u32, DeadLetter)>,
    since: i64,
) -> Result<(), Failed> {
    let key = record.to_bytes().to_vec();
    let query = match letter {
        None => sqlx::query("DELETE FROM apideck_hooks_dead_letters WHERE key = ?1").bind(key),
        Some((attempts, letter)) => sqlx::query(
            "INSERT OR REPLACE INTO apideck_hooks_dead_letters
            (key, since, attempts, source, event_type, event_id, error, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .bind(key)
        .bind(since)
        .bind(i64::from(*attempts))
        .bind(letter.source.clone())
        .bind(letter.event_type.clone())
        .bind(letter.event_id.clone())
        .bind(letter.error.clone())
        .bind(letter.body.as_ref().map(|body| body.to_vec())),
    };
    query.execute(connection).await?;
    Ok(())
}

/// The key in this column.
pub(super) fn key(row: &SqliteRow, column: usize) -> Result<Key, Failed> {
    let bytes: &[u8] = row.try_get(column)?;
    let bytes = bytes.try_into().map_err(|_| strange())?;
    Ok(Key::from_bytes(bytes))
}

/// The record whose columns begin with this one.
pub(super) fn decode(row: &SqliteRow, first: usize) -> Result<Record, Failed> {
    let number = |column: usize| row.try_get::<i64, _>(first + column);
    Ok(Record {
        state: State::new(number(0)?).ok_or_else(strange)?,
        at: number(1)?,
        boot: number(2)?,
        token: u64::try_from(number(3)?).map_err(|_| strange())?,
        attempt: u32::try_from(number(4)?).map_err(|_| strange())?,
        aliases: u8::try_from(number(5)?).map_err(|_| strange())?,
        letter: Letter::new(number(6)?).ok_or_else(strange)?,
    })
}

fn strange() -> Failed {
    Failed::Other("a row holds what no release has written; restore a copy of the file".to_owned())
}

fn json(keys: impl Iterator<Item = Key>) -> String {
    let mut text = "[".to_owned();
    for key in keys {
        let comma = if text.len() > 1 { "," } else { "" };
        // Writing to a string does not fail.
        let _ = write!(text, "{comma}\"{key}\"");
    }
    text.push(']');
    text
}

fn rows<'a>(slots: impl Iterator<Item = (&'a Key, &'a Slot)>) -> String {
    let mut text = "[".to_owned();
    for (key, slot) in slots {
        let Some(record) = &slot.record else { continue };
        let Record {
            state,
            at,
            boot,
            token,
            attempt,
            aliases,
            letter,
        } = *record;
        let comma = if text.len() > 1 { "," } else { "" };
        let (state, letter) = (state as i64, letter as i64);
        let _ = write!(
            text,
            "{comma}[\"{key}\",{state},{at},{boot},{token},{attempt},{aliases},{letter}]"
        );
    }
    text.push(']');
    text
}
