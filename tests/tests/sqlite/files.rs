//! Files that are in use, missing, locked, damaged or too new.

use super::{EVENT, granted, key, open, other_program, refusal};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{Claim, DeadLetter, DeadLetterStore, End, Held, Store, Verdict};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::sqlite::until_closed;
use bytes::Bytes;
use sqlx::Executor;
use std::sync::Arc;

#[tokio::test]
async fn a_second_store_is_refused_while_the_first_lives() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let first = open(&file).await;
    let (token, _) = granted(&first, key(1)).await;
    let error = refusal(&file).await;
    let process = format!("is open in process {}", std::process::id());
    assert!(error.contains(&process) && error.contains("hooks.db"), "{error}");
    #[cfg(unix)]
    {
        let link = directory.file("link.db");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(refusal(&link).await.contains(&process));
    }
    assert_eq!(first.finish(key(1), token, End::Done).await.unwrap(), Held::Yes);
    drop(first);
    let second = open(&file).await;
    let verdict = second.claim(Claim::new(key(1), None, super::LEASE)).await;
    assert_eq!(verdict.unwrap().verdict, Verdict::Done);
}

#[tokio::test]
async fn an_impossible_file_is_refused_with_advice() {
    let directory = Directory::default();
    for (path, advice) in [
        (directory.file("none/hooks.db"), "create it first"),
        (directory.path().to_owned(), "is a directory"),
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
            let (token, _) = granted(&store, key(n)).await;
            store.finish(key(n), token, End::Done).await.unwrap();
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
                    let claim = Claim::new(key(n), Some(key(1_000_000 + n)), super::LEASE);
                    errors.extend(store.claim(claim).await.err().map(|error| error.to_string()));
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
    other_program(&file)
        .await
        .execute("UPDATE apideck_hooks_meta SET value = 99 WHERE name = 'schema'")
        .await
        .unwrap();
    let error = refusal(&file).await;
    assert!(
        error.contains("of version 99") && error.contains("a later release"),
        "{error}"
    );
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
    let store = Arc::new(open(&file).await);
    let hooks = probe.hooks().store(Arc::clone(&store)).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let mut other = other_program(&file).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let reply = delivery.call(&hooks).await;
    assert_eq!(reply.status, 503);
    assert!(reply.retry_after().is_some());
    assert_eq!(probe.count(), 0);
    other.execute("COMMIT").await.unwrap();
    let hooks = probe.patient_hooks().store(store).build().unwrap();
    assert_eq!(delivery.call(&hooks).await.word(), "handled");
}

#[tokio::test]
async fn a_write_that_fails_is_an_error_and_changes_nothing() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    let mut other = other_program(&file).await;
    let letter = DeadLetter {
        source: String::new(),
        event_type: EVENT.to_owned(),
        event_id: "e1".to_owned(),
        error: "no use".to_owned(),
        body: Some(Bytes::from(vec![b' '; 1024 * 1024])),
    };
    let (token, _) = granted(&store, key(1)).await;
    other
        .execute("CREATE TRIGGER full BEFORE INSERT ON apideck_hooks_dead_letters BEGIN SELECT RAISE(ABORT, 'no room'); END")
        .await
        .unwrap();
    let error = store.finish(key(1), token, End::Dead(letter.clone())).await;
    let error = error.expect_err("no room").to_string();
    assert!(error.contains("no room"), "{error}");
    assert!(store.get(key(1)).await.unwrap().is_none());
    other.execute("DROP TRIGGER full").await.unwrap();
    let held = store.finish(key(1), token, End::Dead(letter.clone())).await;
    assert_eq!(held.unwrap(), Held::Yes);
    assert_eq!(store.get(key(1)).await.unwrap().unwrap().letter, letter);
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
    let error = store.claim(Claim::new(key(1), None, super::LEASE)).await;
    let error = error.expect_err("no writer").to_string();
    assert!(error.contains("runtime"), "{error}");
}

#[tokio::test]
async fn a_page_of_dead_letters_ends_at_16_mib() {
    let directory = Directory::default();
    let store = open(&directory.file("hooks.db")).await;
    for n in 0..40 {
        let letter = DeadLetter {
            source: String::new(),
            event_type: EVENT.to_owned(),
            event_id: n.to_string(),
            error: String::new(),
            body: Some(Bytes::from(vec![b' '; 1024 * 1024])),
        };
        let (token, _) = granted(&store, key(n)).await;
        store.finish(key(n), token, End::Dead(letter)).await.unwrap();
    }
    let (mut before, mut pages, mut ids) = (None, Vec::new(), Vec::new());
    loop {
        let page = store.list(before, u32::MAX).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.cursor);
        pages.push(page.len());
        ids.extend(
            page.iter()
                .map(|dead| dead.letter.event_id.parse::<u64>().unwrap()),
        );
    }
    assert_eq!(pages, [16, 16, 8]);
    assert_eq!(ids, (0..40).rev().collect::<Vec<_>>());
}
