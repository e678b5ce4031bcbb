//! Reading rows.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row, ValueRef};

use crate::delivery::Key;
use crate::store::{StoreError, Token};

pub(super) fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    row.try_get(column).map_err(StoreError::new)
}

pub(super) fn key(row: &PgRow, column: usize) -> Result<Key, StoreError> {
    Ok(Key::from_bytes(get(row, column)?))
}

pub(super) fn token(row: &PgRow, column: usize) -> Result<Token, StoreError> {
    number(row, column).map(Token)
}

/// Reads a `bigint` that is not negative.
pub(super) fn number(row: &PgRow, column: usize) -> Result<u64, StoreError> {
    u64::try_from(get::<i64>(row, column)?).map_err(|_| unexpected())
}

pub(super) fn count(row: &PgRow, column: usize) -> Result<u32, StoreError> {
    u32::try_from(get::<i32>(row, column)?).map_err(|_| unexpected())
}

/// Reads microseconds. A negative length is zero.
pub(super) fn length(row: &PgRow, column: usize) -> Result<Duration, StoreError> {
    let micros: i64 = get(row, column)?;
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

/// The error of a row that this release has not written.
pub(super) fn unexpected() -> StoreError {
    StoreError::new("the tables hold values that this release has not written")
}

/// The rows of a list. A list without rows is one row of nulls, because every answer has a row.
pub(super) fn present(rows: &[PgRow]) -> Result<impl Iterator<Item = &PgRow>, StoreError> {
    let empty = rows[0].try_get_raw(2).map_err(StoreError::new)?.is_null();
    Ok(rows.iter().filter(move |_| !empty))
}
