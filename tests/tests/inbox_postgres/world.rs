//! The database of this suite.

pub(crate) use apideck_hooks::PostgresStore as DurableStore;
pub(crate) use apideck_hooks_tests::inbox::{
    EVENT, Entry, RunLog, Working, handle, of_entity, quick, stats, until_idle,
};
pub(crate) use apideck_hooks_tests::inbox_postgres::{InboxFile, accepting, inbox_of};
pub(crate) use sqlx::Postgres as Database;

/// The file or schema of a test. Without a server the test returns.
macro_rules! inbox_file {
    () => {
        match $crate::world::InboxFile::new().await {
            Some(file) => file,
            None => return,
        }
    };
}
pub(crate) use inbox_file;
