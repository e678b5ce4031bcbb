//! The SQLite store. Its clock cannot be moved, so the times of its records are.

use super::{LETTERS, LONG, MEMORY, RETENTION, World};
use crate::reference::{Crash, Kind};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{Key, Store};
use apideck_hooks_tests::directory::Directory;
use async_trait::async_trait;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::time::Duration;

pub(crate) const SQLITE: Kind = Kind {
    exact: false,
    letters: LETTERS as usize,
    crash: Crash::EndsLeases,
    ..MEMORY
};

/// Letters keep their times, because those order the list.
const MOVE_TIMES: &str = "
    UPDATE apideck_hooks_records SET lease_end = max(0, lease_end + ?1), rest_end = max(0, rest_end + ?1),
        first_seen = first_seen + ?1, expires = expires + ?1;
    UPDATE apideck_hooks_aliases SET expires = expires + ?1";

pub(crate) struct Sqlite {
    /// `None` only while it is opened again.
    store: Option<SqliteStore>,
    other_program: SqliteConnection,
    directory: Directory,
}

impl Sqlite {
    pub(crate) async fn new() -> Self {
        let directory = Directory::default();
        let store = Self::open(&directory).await;
        let file = SqliteConnectOptions::new().filename(directory.file("hooks.db"));
        Sqlite {
            store: Some(store),
            other_program: file.connect().await.expect("the file"),
            directory,
        }
    }

    async fn open(directory: &Directory) -> SqliteStore {
        let builder = SqliteStore::builder(directory.file("hooks.db")).max_dead_letters(LETTERS);
        let builder = builder.retention(LONG * RETENTION as u32);
        builder.open().await.expect("the file")
    }

    async fn move_times(&mut self, micros: i64) {
        for statement in MOVE_TIMES.split(';') {
            let query = sqlx::query(statement).bind(micros);
            query.execute(&mut self.other_program).await.expect("an update");
        }
    }
}

#[async_trait]
impl World for Sqlite {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().expect("it is open")
    }

    async fn pass(&mut self, time: Duration, _: &[Key]) {
        self.move_times(-(time.as_micros() as i64)).await;
    }

    async fn set_back(&mut self, time: Duration, _: &[Key]) {
        self.move_times(time.as_micros() as i64).await;
    }

    async fn crash(&mut self) {
        self.store = None;
        self.store = Some(Self::open(&self.directory).await);
    }
}
