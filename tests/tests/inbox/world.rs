//! The database of this suite. The suite `inbox_postgres` has another one, and the same tests.

pub(crate) use apideck_hooks::SqliteStore as DurableStore;
pub(crate) use apideck_hooks_tests::inbox::*;
pub(crate) use sqlx::Sqlite as Database;

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
