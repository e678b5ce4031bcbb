//! Reading what a statement returns.

use crate::delivery::Key;
use crate::store::StoreError;
use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row};

pub(super) fn count(count: i32) -> Result<u32, StoreError> {
    u32::try_from(count).map_err(|_| unexpected())
}

pub(super) fn key(row: &PgRow, column: usize) -> Result<Key, StoreError> {
    let bytes = get::<&[u8]>(row, column)?;
    bytes.try_into().map(Key::from_bytes).map_err(|_| unexpected())
}

pub(super) fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    row.try_get(column).map_err(StoreError::new)
}

/// Someone else has written to the tables.
pub(super) fn unexpected() -> StoreError {
    StoreError::new("the tables hold what this release does not know")
}
