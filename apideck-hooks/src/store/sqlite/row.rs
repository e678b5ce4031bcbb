//! A record as the table has it.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::database::Failed;
use crate::delivery::Key;
use crate::store::record::{Record, Stage, Wait};
use crate::store::{ClaimId, Token};

/// The columns of [`Row::decode`], of the table `r`.
macro_rules! columns {
    () => {
        "r.key, r.phase, r.token, r.claim, r.boot, r.attempts, r.interrupted, r.lease_end, r.lease_length, \
         r.rest_end, r.rest_length, r.first_seen, r.expires, r.dead_at IS NOT NULL, r.accepted_at IS NOT NULL, \
         r.source, r.lane"
    };
}
pub(super) use columns;

/// Number of those columns.
pub(super) const COLUMNS: usize = 17;

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) record: Record,
    /// The source of the body, if one is kept.
    pub(super) source: Option<String>,
    /// The lane of an accepted event.
    pub(super) lane: Option<Key>,
}

impl Row {
    /// Makes the row of an event that was never claimed.
    pub(super) fn absent(now: u64) -> Self {
        Self {
            record: Record::absent(now),
            source: None,
            lane: None,
        }
    }

    /// Reads the columns from this one on. `boot` is the number of this opening.
    pub(super) fn decode(row: &SqliteRow, first: usize, boot: i64) -> Result<(Key, Self), Failed> {
        let number = |column: usize| -> Result<u64, Failed> {
            let number: i64 = row.try_get(first + column)?;
            u64::try_from(number).map_err(|_| Failed::Row)
        };
        let wait = |column: usize| -> Result<Wait, Failed> {
            Ok(Wait {
                end: number(column)?,
                length: number(column + 1)?,
            })
        };
        let phase = Stage::from_number(row.try_get(first + 1)?);
        let is_of_this_opening = row.try_get::<i64, _>(first + 4)? == boot;
        let record = Record {
            phase,
            token: Token(number(2)?),
            claim: ClaimId::from_bytes(bytes(row, first + 3)?),
            attempts: u32::try_from(number(5)?).map_err(|_| Failed::Row)?,
            interrupted: u8::try_from(number(6)?).map_err(|_| Failed::Row)?,
            // Only one process can have the file, so an earlier claim has ended with its process.
            lease: if is_of_this_opening {
                wait(7)?
            } else {
                Wait::default()
            },
            rest: wait(9)?,
            first_seen: number(11)?,
            expires: number(12)?,
            kept: row.try_get(first + 13)?,
            accepted: row.try_get(first + 14)?,
        };
        let lane: Option<&str> = row.try_get(first + 16)?;
        let lane = lane.map(str::parse).transpose().map_err(|_| Failed::Row)?;
        let source = row.try_get(first + 15)?;
        Ok((key(row, first)?, Self { record, source, lane }))
    }
}

/// Reads a key.
pub(super) fn key(row: &SqliteRow, column: usize) -> Result<Key, Failed> {
    bytes(row, column).map(Key::from_bytes)
}

fn bytes(row: &SqliteRow, column: usize) -> Result<[u8; 16], Failed> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|_| Failed::Row)
}
