//! The SQLite store, beside one commit for each operation.

use crate::Bench;
use crate::subject::{Keys, Ours, Remember, Subject};
use apideck_hooks::SqliteStore;
use perf::store::key;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::Path;

const EVENTS: [u64; 2] = [500, 5_000];

/// One table, one statement and one commit for each operation.
struct ByHand(SqlitePool);

impl ByHand {
    async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options).await.expect("a database");
        sqlx::query("CREATE TABLE events (key BLOB PRIMARY KEY, done INTEGER NOT NULL)")
            .execute(&pool)
            .await
            .expect("a table");
        Self(pool)
    }
}

impl Remember for ByHand {
    async fn remember(&self, n: u64) {
        for sql in [
            "INSERT INTO events VALUES (?1, 0) ON CONFLICT DO NOTHING",
            "UPDATE events SET done = 1 WHERE key = ?1",
        ] {
            let query = sqlx::query(sql).bind(key(n).to_bytes().to_vec());
            let changed = query.execute(&self.0).await.expect("a statement");
            assert_eq!(changed.rows_affected(), 1);
        }
    }
}

pub(crate) async fn measure(bench: &mut Bench) {
    // Beside the program, because a temporary folder may be in memory.
    let program = std::env::current_exe().expect("a path");
    let folder = program.with_file_name(format!("stores-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let ours = async |file, keys| {
        let store = SqliteStore::open(folder.join(file)).await.expect("a store");
        Ours { store, keys }
    };
    let mut subjects = [
        Subject::new("sqlite", EVENTS, ours("both.db", Keys::EventAndDelivery).await),
        Subject::new("sqlite, one key", EVENTS, ours("one.db", Keys::Event).await),
        Subject::new(
            "sqlite by hand, one key",
            [500, 500],
            ByHand::open(&folder.join("by_hand.db")).await,
        ),
    ];
    bench.measure(&mut subjects).await;
    let [both, one, by_hand] = &subjects;
    for ours in [both, one] {
        // The store commits the operations of many tasks together.
        bench.check(ours, by_hand, [0.7, 5.0]);
    }
    drop(subjects);
    let _ = std::fs::remove_dir_all(&folder);
}
