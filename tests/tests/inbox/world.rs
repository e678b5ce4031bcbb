//! The database of this suite. The suite `inbox_postgres` has another one, and the same tests.

pub(crate) use apideck_hooks::SqliteStore as DurableStore;
pub(crate) use apideck_hooks_tests::inbox::*;
pub(crate) use sqlx::Sqlite as Database;
