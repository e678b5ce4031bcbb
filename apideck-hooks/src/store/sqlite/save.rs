//! Writes the changes of a batch.

use std::fmt::Write;

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};

use super::batch::{Alias, Batch, KeptBody, Slot};
use super::database::Failed;
use super::json::array;
use crate::delivery::Key;
use crate::store::DeadLetter;
use crate::store::record::Record;

/// All records and aliases at once, as JSON arrays. A statement for each would be a way to SQLite's
/// thread and back for each, which takes longer than the statement.
///
/// The end `DONE` deletes the body and its columns.
macro_rules! save {
    () => {
        "INSERT INTO apideck_hooks_records (key, phase, token, claim, boot, attempts, interrupted, lease_end,
        lease_length, rest_end, rest_length, first_seen, expires, due)
        SELECT unhex(value ->> 0), value ->> 1, value ->> 2, unhex(value ->> 3), value ->> 4, value ->> 5,
        value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12,
        value ->> 13
        FROM json_each(?1) WHERE true
        ON CONFLICT (key) DO UPDATE SET phase = excluded.phase, token = excluded.token, claim = excluded.claim,
        boot = excluded.boot, attempts = excluded.attempts, interrupted = excluded.interrupted,
        lease_end = excluded.lease_end, lease_length = excluded.lease_length, rest_end = excluded.rest_end,
        rest_length = excluded.rest_length, first_seen = excluded.first_seen, expires = excluded.expires,
        due = excluded.due,
        accepted_at = iif(excluded.phase = 1, NULL, accepted_at), lane = iif(excluded.phase = 1, NULL, lane),
        occurred_at = iif(excluded.phase = 1, NULL, occurred_at),
        idempotency_key = iif(excluded.phase = 1, NULL, idempotency_key),
        source = iif(excluded.phase = 1, NULL, source), event_type = iif(excluded.phase = 1, NULL, event_type),
        event_id = iif(excluded.phase = 1, NULL, event_id), entity_id = iif(excluded.phase = 1, NULL, entity_id),
        consumer_id = iif(excluded.phase = 1, NULL, consumer_id), context = iif(excluded.phase = 1, NULL, context),
        error = iif(excluded.phase = 1, NULL, error), dead_at = iif(excluded.phase = 1, NULL, dead_at),
        body = iif(excluded.phase = 1, NULL, body);
        INSERT INTO apideck_hooks_aliases (alias, record, expires)
        SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2 FROM json_each(?2) WHERE true
        ON CONFLICT (alias) DO UPDATE SET record = excluded.record, expires = excluded.expires;"
    };
}

const SAVE: &str = save!();
const SAVE_AND_COMMIT: &str = concat!(save!(), "COMMIT");
const SAVE_LETTER: &str = "
    UPDATE apideck_hooks_records SET source = ?2, event_type = ?3, event_id = ?4, entity_id = ?5,
    consumer_id = ?6, context = ?7, body = ?8, error = ?9, dead_at = ?10 WHERE key = ?1";
const SAVE_ACCEPTED: &str = "
    UPDATE apideck_hooks_records SET source = ?2, event_type = ?3, event_id = ?4, entity_id = ?5,
    consumer_id = ?6, context = ?7, body = ?8, error = NULL, dead_at = NULL, accepted_at = ?9, lane = ?10,
    occurred_at = ?11, idempotency_key = ?12 WHERE key = ?1";
const SAVE_DEAD: &str = "UPDATE apideck_hooks_records SET error = ?2, dead_at = ?3 WHERE key = ?1";

impl Batch {
    /// Writes the changes and commits.
    pub(super) async fn save_and_commit(&self, connection: &mut SqliteConnection) -> Result<(), Failed> {
        if self.bodies_to_save().next().is_none() && self.pauses.is_empty() {
            return self.save_rows(connection, SAVE_AND_COMMIT).await;
        }
        self.save(connection).await?;
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(())
    }

    /// Writes the changes in the transaction that is open.
    pub(super) async fn save(&self, connection: &mut SqliteConnection) -> Result<(), Failed> {
        self.save_rows(connection, SAVE).await?;
        for (key, body) in self.bodies_to_save() {
            save_body(connection, *key, body, self.now).await?;
        }
        self.save_pauses(connection).await
    }

    fn bodies_to_save(&self) -> impl Iterator<Item = (&Key, &KeptBody)> {
        let records = self.records.iter();
        records.flat_map(|(key, slot)| slot.bodies.iter().map(move |body| (key, body)))
    }

    async fn save_rows(&self, connection: &mut SqliteConnection, save: &'static str) -> Result<(), Failed> {
        let boot = self.terms.boot;
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
        accepted: _,
    } = slot.row.record;
    let (phase, token) = (phase as u8, token.0);
    write!(
        text,
        "[\"{key}\",{phase},{token},\"{claim:?}\",{boot},{attempts},{interrupted},{},{},{},{},{first_seen},{expires},",
        lease.end, lease.length, rest.end, rest.length
    )?;
    match slot.row.record.due() {
        Some(due) => write!(text, "{due}]"),
        None => text.write_str("null]"),
    }
}

fn write_alias(text: &mut String, key: Key, alias: &Alias) -> std::fmt::Result {
    let expires = super::signed(alias.expires);
    write!(text, "[\"{key}\",\"{}\",{expires}]", alias.record)
}

/// Writes a body and the columns that belong to it.
async fn save_body(
    connection: &mut SqliteConnection,
    record: Key,
    body: &KeptBody,
    now: u64,
) -> Result<(), Failed> {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let query = match body {
        KeptBody::Letter(letter) => kept(SAVE_LETTER, record, letter)
            .bind(letter.error.clone())
            .bind(now),
        KeptBody::Accepted(acceptance) => kept(SAVE_ACCEPTED, record, &acceptance.kept)
            .bind(now)
            .bind(acceptance.lane.map(|lane| lane.to_string()))
            .bind(acceptance.occurred_at.unwrap_or(now))
            .bind(acceptance.idempotency_key.clone()),
        KeptBody::Dead(error) => sqlx::query(SAVE_DEAD)
            .bind(record.to_bytes().to_vec())
            .bind(*error)
            .bind(now),
    };
    query.execute(connection).await?;
    Ok(())
}

/// Binds the columns that every body has.
fn kept(
    statement: &'static str,
    record: Key,
    letter: &DeadLetter,
) -> Query<'static, Sqlite, SqliteArguments> {
    sqlx::query(statement)
        .bind(record.to_bytes().to_vec())
        .bind(letter.source.clone())
        .bind(letter.event_type.clone())
        .bind(letter.event_id.clone())
        .bind(letter.entity_id.clone())
        .bind(letter.consumer_id.clone())
        .bind(letter.context.to_json())
        .bind(letter.body.to_vec())
}
