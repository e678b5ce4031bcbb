//! Writes the changes of a batch.

use std::fmt::Write;

use sqlx::SqliteConnection;

use super::batch::{Alias, Batch, Slot};
use super::database::Failed;
use super::json::array;
use crate::delivery::Key;
use crate::store::DeadLetter;
use crate::store::record::Record;

/// All records and aliases at once, as JSON arrays. A statement for each would be a way to SQLite's
/// thread and back for each, which takes longer than the statement.
macro_rules! save {
    () => {
        "INSERT INTO apideck_hooks_records (key, phase, token, claim, boot, attempts, interrupted, lease_end,
        lease_length, rest_end, rest_length, first_seen, expires)
        SELECT unhex(value ->> 0), value ->> 1, value ->> 2, unhex(value ->> 3), value ->> 4, value ->> 5,
        value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12
        FROM json_each(?1) WHERE true
        ON CONFLICT (key) DO UPDATE SET phase = excluded.phase, token = excluded.token, claim = excluded.claim,
        boot = excluded.boot, attempts = excluded.attempts, interrupted = excluded.interrupted,
        lease_end = excluded.lease_end, lease_length = excluded.lease_length, rest_end = excluded.rest_end,
        rest_length = excluded.rest_length, first_seen = excluded.first_seen, expires = excluded.expires;
        INSERT INTO apideck_hooks_aliases (alias, record, expires)
        SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2 FROM json_each(?2) WHERE true
        ON CONFLICT (alias) DO UPDATE SET record = excluded.record, expires = excluded.expires;"
    };
}

const SAVE: &str = save!();
const SAVE_AND_COMMIT: &str = concat!(save!(), "COMMIT");
const SAVE_LETTER: &str = "
    UPDATE apideck_hooks_records SET source = ?2, event_type = ?3, event_id = ?4, entity_id = ?5,
    consumer_id = ?6, context = ?7, error = ?8, dead_at = ?9, body = ?10 WHERE key = ?1";

impl Batch {
    /// Writes the changes and commits.
    pub(super) async fn save_and_commit(&self, connection: &mut SqliteConnection) -> Result<(), Failed> {
        if self.letters_to_save().next().is_none() {
            return self.save_rows(connection, SAVE_AND_COMMIT).await;
        }
        self.save(connection).await?;
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(())
    }

    /// Writes the changes in the transaction that is open.
    pub(super) async fn save(&self, connection: &mut SqliteConnection) -> Result<(), Failed> {
        self.save_rows(connection, SAVE).await?;
        for (key, letter) in self.letters_to_save() {
            save_letter(connection, *key, letter, self.now).await?;
        }
        Ok(())
    }

    fn letters_to_save(&self) -> impl Iterator<Item = (&Key, Option<&DeadLetter>)> {
        let letters = self.records.iter();
        letters.filter_map(|(key, slot)| Some((key, slot.letter.as_ref()?.as_ref())))
    }

    async fn save_rows(&self, connection: &mut SqliteConnection, save: &'static str) -> Result<(), Failed> {
        let boot = self.settings.boot;
        let records = self.records.iter().filter(|(_, slot)| slot.changed);
        let aliases = self.aliases.iter().filter(|(_, alias)| alias.changed);
        let query = sqlx::query(save)
            .bind(array(records, |text, (key, slot)| {
                write_record(text, *key, slot, boot)
            }))
            .bind(array(aliases, |text, (key, alias)| {
                write_alias(text, *key, alias)
            }));
        query.execute(connection).await?;
        Ok(())
    }
}

fn write_record(text: &mut String, key: Key, slot: &Slot, boot: i64) -> std::fmt::Result {
    let Record {
        phase,
        token,
        claim,
        attempts,
        interrupted,
        lease,
        rest,
        first_seen,
        expires,
        kept: _,
    } = slot.row.record;
    let (phase, token) = (phase as u8, token.0);
    write!(
        text,
        "[\"{key}\",{phase},{token},\"{claim:?}\",{boot},{attempts},{interrupted},{},{},{},{},{first_seen},{expires}]",
        lease.end, lease.length, rest.end, rest.length
    )
}

fn write_alias(text: &mut String, key: Key, alias: &Alias) -> std::fmt::Result {
    write!(text, "[\"{key}\",\"{}\",{}]", alias.record, alias.expires)
}

/// Writes a letter, or deletes it.
async fn save_letter(
    connection: &mut SqliteConnection,
    record: Key,
    letter: Option<&DeadLetter>,
    now: u64,
) -> Result<(), Failed> {
    let query = sqlx::query(SAVE_LETTER)
        .bind(record.to_bytes().to_vec())
        .bind(letter.map(|letter| letter.source.clone()))
        .bind(letter.map(|letter| letter.event_type.clone()))
        .bind(letter.map(|letter| letter.event_id.clone()))
        .bind(letter.map(|letter| letter.entity_id.clone()))
        .bind(letter.map(|letter| letter.consumer_id.clone()))
        .bind(letter.map(|letter| letter.context.to_json()))
        .bind(letter.map(|letter| letter.error.clone()))
        .bind(letter.map(|_| i64::try_from(now).unwrap_or(i64::MAX)))
        .bind(letter.map(|letter| letter.body.to_vec()));
    query.execute(connection).await?;
    Ok(())
}
