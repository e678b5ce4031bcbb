//! An operation that comes alone, as on a receiver that is not busy: in one way to SQLite's thread and back, instead of one to load
//! and one to save, where it finds what it usually finds.

use super::database::Failed;
use super::operation::{Answered, Operation};
use super::record::{Now, Record, State};
use crate::store::{Claim, Claimed, End, Held, Verdict};
use sqlx::SqliteConnection;

/// Adds a record that is not there, and a delivery key that no record has.
const CLAIM: &str = "
    BEGIN IMMEDIATE;
    INSERT INTO apideck_hooks_records (key, state, at, boot, token, attempt, aliases, letter)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (
        SELECT 1 FROM apideck_hooks_aliases AS a CROSS JOIN apideck_hooks_records AS r ON r.id = a.record WHERE a.delivery = ?9
    )
    ON CONFLICT (key) DO NOTHING RETURNING id;
    INSERT INTO apideck_hooks_aliases (delivery, record)
    SELECT ?9, last_insert_rowid() WHERE ?9 IS NOT NULL AND changes() = 1
    ON CONFLICT (delivery) DO UPDATE SET record = excluded.record;
    COMMIT";

/// Settles a record that runs under this token and has no letter.
const FINISH: &str = "
    UPDATE apideck_hooks_records SET state = ?3, at = ?4
    WHERE key = ?1 AND token = ?2 AND state = 1 AND letter = 0 RETURNING id";

/// Does and commits the operation; or nothing, and it is for a [`Batch`](super::batch::Batch).
pub(super) async fn try_out(
    connection: &mut SqliteConnection,
    operation: &Operation,
    now: &Now,
    floor: u64,
) -> Result<bool, Failed> {
    let query = match operation {
        Operation::Claim(claim, _) => {
            let (record, _) = first(claim, now, floor);
            let Ok(token) = i64::try_from(record.token) else {
                return Ok(false);
            };
            sqlx::query(CLAIM)
                .bind(claim.event.to_bytes().to_vec())
                .bind(record.state as i64)
                .bind(record.at)
                .bind(record.boot)
                .bind(token)
                .bind(i64::from(record.attempt))
                .bind(i64::from(record.aliases))
                .bind(record.letter as i64)
                .bind(claim.delivery.map(|delivery| delivery.to_bytes().to_vec()))
        }
        Operation::Finish(key, token, End::Done, _) => {
            let Ok(token) = i64::try_from(token.0) else {
                return Ok(false);
            };
            sqlx::query(FINISH)
                .bind(key.to_bytes().to_vec())
                .bind(token)
                .bind(State::Done as i64)
                .bind(now.at)
        }
        _ => return Ok(false),
    };
    Ok(!query.fetch_all(connection).await?.is_empty())
}

/// The answer to an operation that was done.
pub(super) fn answer(operation: Operation, now: &Now, floor: u64) -> Option<Answered> {
    match operation {
        Operation::Claim(claim, reply) => {
            let (_, verdict) = first(&claim, now, floor);
            let record = claim.event;
            Some(Answered::Claimed(Claimed { record, verdict }, reply))
        }
        Operation::Finish(.., reply) => Some(Answered::Held(Held::Yes, reply)),
        _ => None,
    }
}

/// The record that a claim makes where there is none.
fn first(claim: &Claim, now: &Now, floor: u64) -> (Record, Verdict) {
    let mut record = Record::new(floor, now);
    let verdict = record.claim(now, claim.lease);
    record.aliases = u8::from(claim.delivery.is_some());
    (record, verdict)
}
