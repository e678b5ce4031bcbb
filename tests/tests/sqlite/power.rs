//! Power loss, as far as a process can simulate it. The data that was written before a response is
//! enough to recover, and it is written in the way that SQLite promises to keep.

use super::{EVENT, RELEASE, claim_with_alias, dead, grant, key, open, other_program};
use apideck_hooks::store::{DeadLetter, DeadLetterStore, End, RecordState, Store};
use apideck_hooks::{Hooks, SqliteStore, State, Tx, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::patient;
use bytes::Bytes;
use sqlx::{Executor, Row, Sqlite};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

#[derive(Clone)]
struct Pragmas(mpsc::UnboundedSender<(String, i64, i64, i64)>);

/// Reports the settings of the store's own connection.
#[on("*")]
async fn ask(State(pragmas): State<Pragmas>, mut tx: Tx<Sqlite>) -> sqlx::Result<()> {
    let row = sqlx::query(
        "SELECT j.journal_mode, s.synchronous, f.fullfsync, c.checkpoint_fullfsync FROM pragma_journal_mode AS j,
        pragma_synchronous AS s, pragma_fullfsync AS f, pragma_checkpoint_fullfsync AS c",
    );
    let row = row.fetch_one(&mut *tx).await?;
    let _ = pragmas.0.send((row.get(0), row.get(1), row.get(2), row.get(3)));
    Ok(())
}

/// With `synchronous = FULL`, which is 2, SQLite syncs the log before a commit returns.
#[tokio::test]
async fn commits_are_synced_before_they_are_acknowledged() {
    let directory = Directory::default();
    let (pragmas, mut said) = mpsc::unbounded_channel();
    let store = open(&directory.file("hooks.db")).await;
    let hooks = Hooks::builder(router![ask]).secret(SECRET).store(store);
    let hooks = patient(hooks.state(Pragmas(pragmas))).build().unwrap();
    let handled = event(EVENT, "e1").call(&hooks).await;
    handled.assert_handled();
    assert_eq!(said.recv().await, Some(("wal".to_owned(), 2, 1, 1)));
}

/// Limits the database to its size. Then SQLite reports `SQLITE_FULL`, as on a full disk.
#[on("*")]
async fn limit(delivery: apideck_hooks::Delivery, mut tx: Tx<Sqlite>) -> sqlx::Result<()> {
    if delivery.event_id() == Some("limit") {
        // SQLite raises the limit to the number of existing pages.
        sqlx::query("PRAGMA max_page_count = 1").execute(&mut *tx).await?;
    }
    Ok(())
}

#[tokio::test]
async fn no_event_is_claimed_while_the_database_is_full() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = Arc::new(open(&file).await);
    let mut other = other_program(&file).await;
    let ballast = "CREATE TABLE ballast (x BLOB); INSERT INTO ballast VALUES (zeroblob(400000))";
    other.execute(ballast).await.unwrap();
    let hooks = patient(Hooks::builder(router![limit]))
        .secret(SECRET)
        .store(Arc::clone(&store));
    let hooks = hooks.build().unwrap();
    let event = |id: &str| event(EVENT, id);
    event("limit").call(&hooks).await.assert_handled();
    let mut handled = 0;
    let full = loop {
        let reply = event(&format!("e{handled}")).call(&hooks).await;
        if reply.code() != 200 {
            break reply;
        }
        handled += 1;
        assert!(handled < 10_000, "the database is never full");
    };
    assert!(full.code() == 503 && full.retry_after().is_some(), "{full:?}");
    // Some pages may have room for more records.
    let mut n = 0;
    let error = loop {
        match store.claim(claim_with_alias(n)).await {
            Ok(_) => n += 1,
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("make room on the disk"), "{error}");
    // A duplicate needs no room.
    event("limit").call(&hooks).await.assert_duplicate();
    other.execute("DELETE FROM ballast").await.unwrap();
    for n in handled..handled + 100 {
        event(&format!("e{n}")).call(&hooks).await.assert_handled();
    }
}

fn letter(n: u64) -> DeadLetter {
    let body = vec![b'x'; usize::try_from(n * 97 % 5000).unwrap()];
    DeadLetter::new("", Bytes::from(body))
        .event(EVENT, n.to_string(), "", "")
        .error("no use")
}

fn end(n: u64) -> End {
    match n % 3 {
        0 => dead(letter(n)),
        1 => RELEASE,
        _ => End::Done,
    }
}

/// Checks that the store knows the end of an event.
async fn is_known(store: &SqliteStore, n: u64) -> bool {
    let state = store.status(key(n)).await.unwrap().state;
    match n % 3 {
        0 => {
            let kept = store.get("", key(n)).await.unwrap();
            state == RecordState::Dead && kept.is_some_and(|dead| dead.letter == letter(n))
        }
        1 => matches!(state, RecordState::Released { .. }),
        _ => state == RecordState::Done,
    }
}

async fn assert_intact(file: &Path) {
    let check = sqlx::query("PRAGMA integrity_check")
        .fetch_one(&mut other_program(file).await)
        .await;
    assert_eq!(check.unwrap().get::<String, _>(0), "ok");
}

/// After a power loss the log ends anywhere after the synced part, with arbitrary bytes. Every
/// acknowledged end is known, and the database is intact.
#[tokio::test]
async fn a_truncated_log_keeps_everything_that_was_acknowledged() {
    const EVENTS: u64 = 40;
    let directory = Directory::default();
    let (file, log) = (directory.file("hooks.db"), directory.file("hooks.db-wal"));
    let store = open(&file).await;
    // The length of the log after the claim and after the finish of each event.
    let mut acknowledged = Vec::new();
    let length = || std::fs::metadata(&log).unwrap().len();
    let before = std::fs::read(&file).unwrap();
    for n in 0..EVENTS {
        let (run, _) = grant(&store, claim_with_alias(n)).await;
        let claimed = length();
        super::end(&store, run, end(n)).await;
        acknowledged.push((claimed, length()));
    }
    // SQLite copied nothing into the database meanwhile, so that the log has everything.
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let whole = std::fs::read(&log).unwrap();
    let last = acknowledged.last().unwrap().1;
    assert!(last <= whole.len() as u64);
    let mut cuts = Vec::new();
    for n in (0..EVENTS).step_by(7) {
        let (claimed, ended) = acknowledged[n as usize];
        // At the response, within the frames after it, and in the middle of an operation.
        cuts.extend([ended, ended + 1, ended + 24, ended + 2500, (claimed + ended) / 2]);
    }
    for (number, cut) in cuts.into_iter().enumerate() {
        let image = directory.file(&format!("image-{number}.db"));
        std::fs::write(&image, &before).unwrap();
        let cut = cut.min(last) as usize;
        let mut log = whole[..cut].to_vec();
        // The pages in flight are missing, zero or wrong.
        match number % 3 {
            0 => {}
            1 => log.extend([0; 10_000]),
            _ => log.extend(
                whole[cut..]
                    .iter()
                    .skip(4096)
                    .map(|byte| byte ^ u8::from(number % 2 == 0)),
            ),
        }
        std::fs::write(directory.file(&format!("image-{number}.db-wal")), log).unwrap();
        let store = open(&image).await;
        for (n, (claimed, ended)) in (0..).zip(&acknowledged) {
            if *ended <= cut as u64 {
                assert!(is_known(&store, n).await, "{n} at {cut}");
                let mut again = claim_with_alias(n);
                again.event = key(5000);
                let again = store.claim(again).await;
                assert_eq!(again.unwrap().record, key(n), "its delivery key at {cut}");
            } else if *claimed <= cut as u64 {
                // The end was lost, and the process of the run has ended. So the event is
                // claimable.
                let status = store.status(key(n)).await.unwrap();
                let claimable = matches!(status.state, RecordState::Released { left } if left.is_zero());
                assert!(
                    (claimable && status.attempts == 1) || is_known(&store, n).await,
                    "{status:?}"
                );
            }
        }
        drop(store);
        assert_intact(&image).await;
    }
}
