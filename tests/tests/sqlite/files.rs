//! Files that are missing, locked, replaced, damaged or of another version.

use super::{EVENT, claim, claim_with_alias, dead, end, granted, handle, key, open, other_program, refusal};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{DeadLetter, DeadLetterStore, RecordState, Store, Verdict};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::sqlite::{beside, until_closed};
use bytes::Bytes;
use sqlx::Executor;
use std::sync::Arc;

#[tokio::test]
async fn an_impossible_file_is_refused_with_advice() {
    let directory = Directory::default();
    for (path, advice) in [
        (directory.file("none/hooks.db"), "create it first"),
        (directory.path().to_owned(), "is not a file"),
        ("".into(), "name of a file"),
        (":memory:".into(), "MemoryStore"),
    ] {
        let error = refusal(&path).await;
        assert!(error.contains(advice), "{error}");
    }
    #[cfg(target_os = "linux")]
    {
        // Even the superuser cannot write here.
        let error = refusal(std::path::Path::new("/proc/hooks.db")).await;
        assert!(error.contains("must be able to write the directory"), "{error}");
        use std::os::unix::ffi::OsStringExt;
        let name = std::ffi::OsString::from_vec(b"\xff.db".to_vec());
        let error = refusal(&directory.path().join(name)).await;
        assert!(error.contains("UTF-8"), "{error}");
    }
}

#[tokio::test]
async fn a_read_only_file_is_refused_with_advice() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    drop(open(&file).await);
    until_closed(&file).await;
    let mut permissions = std::fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&file, permissions).unwrap();
    if std::fs::OpenOptions::new().write(true).open(&file).is_ok() {
        // The superuser can write all the same.
        return drop(open(&file).await);
    }
    let error = refusal(&file).await;
    assert!(error.contains("writable for this process"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_a_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::default();
    let store = open(&directory.file("hooks.db")).await;
    granted(&store, key(1)).await;
    for name in ["hooks.db", "hooks.db-wal", "hooks.db-shm"] {
        let mode = std::fs::metadata(directory.file(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_stays_unchanged() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let text = b"These are my notes, and no database.".repeat(100);
    std::fs::write(&file, &text).unwrap();
    let error = refusal(&file).await;
    assert!(error.contains("move it away"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), text);
}

#[tokio::test]
async fn an_empty_file_becomes_a_database() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    std::fs::write(&file, "").unwrap();
    granted(&open(&file).await, key(1)).await;
}

/// Damage causes an error or no error, but never a panic.
#[tokio::test]
async fn a_damaged_file_is_an_error_with_advice() {
    let directory = Directory::default();
    let mut errors = Vec::new();
    let file = directory.file("good.db");
    {
        let store = open(&file).await;
        for n in 0..300 {
            handle(&store, key(n)).await;
        }
    }
    // The last connection copies the log into the file when it closes, so that one file has
    // everything.
    until_closed(&file).await;
    let good = std::fs::read(&file).unwrap();
    for page in 0..good.len() / 4096 {
        let mut bad = good.clone();
        bad[page * 4096 + 100 % good.len()..(page + 1) * 4096].fill(0xa5);
        let file = directory.file(&format!("bad-{page}.db"));
        std::fs::write(&file, bad).unwrap();
        match SqliteStore::open(&file).await {
            Err(error) => errors.push(error.to_string()),
            Ok(store) => {
                for n in 0..300 {
                    let claimed = store.claim(claim_with_alias(n)).await;
                    errors.extend(claimed.err().map(|error| error.to_string()));
                }
            }
        }
    }
    assert!(!errors.is_empty());
    for error in &errors {
        assert!(error.contains("restore a copy"), "{error}");
    }
}

#[tokio::test]
async fn tables_of_a_later_release_are_refused() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    drop(open(&file).await);
    until_closed(&file).await;
    other_program(&file)
        .await
        .execute("UPDATE apideck_hooks_meta SET value = 99 WHERE name = 'schema'")
        .await
        .unwrap();
    let error = refusal(&file).await;
    assert!(
        error.contains("have version 99") && error.contains("a later release"),
        "{error}"
    );
}

/// The tables of version 1, which was never released. They are refused, not misread.
const VERSION_1: &str = "
    CREATE TABLE apideck_hooks_meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    INSERT INTO apideck_hooks_meta VALUES ('schema', 1), ('boot', 3);
    CREATE TABLE apideck_hooks_records (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
        at INTEGER NOT NULL, boot INTEGER NOT NULL, token INTEGER NOT NULL, attempt INTEGER NOT NULL,
        aliases INTEGER NOT NULL, letter INTEGER NOT NULL CHECK (letter BETWEEN 0 AND 2)
    ) STRICT;
    INSERT INTO apideck_hooks_records VALUES (1, zeroblob(16), 3, 1700000000000, 3, 1, 1, 0, 0);
    CREATE TABLE apideck_hooks_aliases (delivery BLOB NOT NULL PRIMARY KEY, record INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
    CREATE TABLE apideck_hooks_dead_letters (
        id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, since INTEGER NOT NULL,
        attempts INTEGER NOT NULL, source TEXT NOT NULL, event_type TEXT NOT NULL, event_id TEXT NOT NULL,
        error TEXT NOT NULL, body BLOB
    ) STRICT";

#[tokio::test]
async fn tables_of_the_previous_version_are_refused_with_advice() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    other_program(&file).await.execute(VERSION_1).await.unwrap();
    let error = refusal(&file).await;
    assert!(
        error.contains("have version 1") && error.contains("drop the tables"),
        "{error}"
    );
    // Nothing was changed.
    let boot = "SELECT value FROM apideck_hooks_meta WHERE name = 'boot'";
    assert_eq!(super::number(&file, boot).await, 3);
    assert_eq!(
        super::number(&file, "SELECT state FROM apideck_hooks_records").await,
        3
    );
    // The advice helps.
    other_program(&file)
        .await
        .execute(
            "DROP TABLE apideck_hooks_meta; DROP TABLE apideck_hooks_records; DROP TABLE apideck_hooks_aliases;
            DROP TABLE apideck_hooks_dead_letters",
        )
        .await
        .unwrap();
    handle(&open(&file).await, key(1)).await;
}

#[tokio::test]
async fn other_tables_stay_unchanged() {
    let directory = Directory::default();
    let file = directory.file("app.db");
    let mut app = other_program(&file).await;
    app.execute("CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('ann'); PRAGMA user_version = 5")
        .await
        .unwrap();
    granted(&open(&file).await, key(1)).await;
    let row = app
        .fetch_one("SELECT name FROM users JOIN pragma_user_version WHERE user_version = 5")
        .await;
    assert!(row.is_ok());
}

/// The store is down while another program locks the file. Then it works without a restart.
#[tokio::test]
async fn the_store_recovers_when_another_program_unlocks_the_file() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let probe = Probe::default();
    let store = open(&file).await;
    let hooks = probe.patient_hooks().store(store).build().unwrap();
    let delivery = event(EVENT, "e1");
    let mut other = other_program(&file).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let reply = delivery.call(&hooks).await;
    assert_eq!(reply.code(), 503);
    assert!(reply.retry_after().is_some());
    assert_eq!(probe.count(), 0);
    other.execute("COMMIT").await.unwrap();
    delivery.call(&hooks).await.assert_handled();
}

#[tokio::test]
async fn a_write_that_fails_is_an_error_and_changes_nothing() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    let mut other = other_program(&file).await;
    let letter = DeadLetter::new("", Bytes::from(vec![b' '; 1024 * 1024])).error("no use");
    let (run, _) = granted(&store, key(1)).await;
    other
        .execute(
            "CREATE TRIGGER full BEFORE UPDATE OF body ON apideck_hooks_records WHEN NEW.body IS NOT NULL
            BEGIN SELECT RAISE(ABORT, 'no room'); END",
        )
        .await
        .unwrap();
    let error = store.finish(run, dead(letter.clone())).await;
    let error = error.expect_err("no room").to_string();
    assert!(error.contains("no room"), "{error}");
    assert!(store.get("", key(1)).await.unwrap().is_none());
    let state = store.status(key(1)).await.unwrap().state;
    assert!(matches!(state, RecordState::Running { .. }), "{state:?}");
    other.execute("DROP TRIGGER full").await.unwrap();
    end(&store, run, dead(letter.clone())).await;
    assert_eq!(store.get("", key(1)).await.unwrap().unwrap().letter, letter);
}

/// A commit into a file that no path names would be lost.
#[cfg(unix)]
#[tokio::test]
async fn a_replaced_file_is_noticed_before_the_next_commit() {
    let directory = Directory::default();
    let (file, elsewhere) = (directory.file("hooks.db"), directory.file("elsewhere.db"));
    let probe = Probe::default();
    let store = Arc::new(open(&file).await);
    let hooks = probe.patient_hooks().store(Arc::clone(&store)).build().unwrap();
    event(EVENT, "e1").call(&hooks).await.assert_handled();
    for replaced in [false, true] {
        std::fs::rename(&file, &elsewhere).unwrap();
        if replaced {
            std::fs::write(&file, "").unwrap();
        }
        let reply = event(EVENT, "e2").call(&hooks).await;
        assert_eq!((reply.code(), probe.count()), (503, 1));
        assert!(reply.retry_after().is_some());
        let error = store.claim(claim(key(1))).await.unwrap_err().to_string();
        assert!(error.contains("deleted, moved or replaced"), "{error}");
        // A settled event needs no commit.
        event(EVENT, "e1").call(&hooks).await.assert_duplicate();
        // It was not changed either way.
        assert_eq!(store.status(key(1)).await.unwrap().state, RecordState::Absent);
        std::fs::rename(&elsewhere, &file).unwrap();
    }
    event(EVENT, "e2").call(&hooks).await.assert_handled();
    assert_eq!(probe.count(), 2);
}

/// A commit into a log that no path names would be lost with the process.
#[cfg(unix)]
#[tokio::test]
async fn a_deleted_log_is_noticed_before_the_next_commit() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let log = beside(&file, "-wal");
    let store = open(&file).await;
    handle(&store, key(1)).await;
    std::fs::rename(&log, directory.file("elsewhere")).unwrap();
    let error = store.claim(claim(key(2))).await.unwrap_err().to_string();
    assert!(error.contains("-wal was deleted or replaced"), "{error}");
    assert_eq!(store.claim(claim(key(1))).await.unwrap().verdict, Verdict::Done);
    std::fs::rename(directory.file("elsewhere"), &log).unwrap();
    handle(&store, key(2)).await;
}

/// A foreign reader keeps SQLite from shortening the log.
#[tokio::test]
async fn a_log_that_grows_under_a_foreign_reader_is_reported() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let (logs, _guard) = Log::capture();
    let store = open(&file).await;
    handle(&store, key(0)).await;
    let mut other = other_program(&file).await;
    other
        .execute("BEGIN; SELECT * FROM apideck_hooks_records")
        .await
        .unwrap();
    for n in 1..=10 {
        assert_eq!(logs.count("write-ahead log is large"), 0);
        let letter = DeadLetter::new("", Bytes::from(vec![b'x'; DeadLetter::MAX_BODY]));
        super::dead_letter(&store, key(n), letter).await;
        if std::fs::metadata(beside(&file, "-wal")).unwrap().len() >= 128 << 20 {
            break;
        }
    }
    for n in 100..110 {
        handle(&store, key(n)).await;
    }
    assert_eq!(logs.count("write-ahead log is large"), 1);
}

#[tokio::test]
async fn a_store_without_its_runtime_reports_an_error() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(open(&file))
    });
    let store = store.join().unwrap();
    let error = store.claim(claim(key(1))).await;
    let error = error.expect_err("no writer").to_string();
    assert!(error.contains("runtime"), "{error}");
}
