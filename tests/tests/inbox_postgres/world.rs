//! The database of this suite.

pub(crate) use apideck_hooks::PostgresStore as DurableStore;
pub(crate) use apideck_hooks_tests::inbox::{EVENT, Entry, RunLog, Working, handle, of_entity, quick, stats, until_idle};
pub(crate) use apideck_hooks_tests::inbox_postgres::{InboxFile, accepting};
pub(crate) use sqlx::Postgres as Database;
