//! Power loss, as far as a process can show it: what was written before an answer is enough to know it again, and is written
//! in the way that SQLite promises to keep.

use super::{EVENT, key, open, other_program};
use apideck_hooks::store::{Claim, DeadLetter, DeadLetters, End, Held, Status, Store, Verdict};
use apideck_hooks::{Hooks, SqliteStore, State, Tx, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::probe::patient;
use bytes::Bytes;
use sqlx::{Executor, Row, Sqlite};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

#[derive(Clone)]
struct Pragmas(mpsc::UnboundedSender<(String, i64, i64, i64)>);

/// On the connection that the store itself writes on.
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

/// A commit is answered once it is synced: `FULL` is 2. At every connection that it makes.
#[tokio::test]
async fn its_commits_are_synced_before_they_are_answered() {
    let directory = Directory::default();
    let (pragmas, mut said) = mpsc::unbounded_channel();
    let store = open(&directory.file("hooks.db")).await;
    let hooks = Hooks::builder(router![ask]).secret(SECRET).store(store);
    let hooks = patient(hooks.state(Pragmas(pragmas))).build().unwrap();
    let handled = Delivery::event(EVENT, "e1").call(&hooks).await;
    assert_eq!(handled.word(), "handled");
    assert_eq!(said.recv().await, Some(("wal".to_owned(), 2, 1, 1)));
}

/// No page is left: `SQLITE_FULL`, as on a full disk.
#[on("*")]
async fn limit(delivery: apideck_hooks::Delivery, mut tx: Tx<Sqlite>) -> sqlx::Result<()> {
    if delivery.event_id() == Some("limit") {
        // No less than there are.
        sqlx::query("PRAGMA max_page_count = 1").execute(&mut *tx).await?;
    }
    Ok(())
}

#[tokio::test]
async fn without_room_nothing_is_claimed_and_with_room_it_goes_on() {
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
    let event = |id: &str| Delivery::event(EVENT, id);
    assert_eq!(event("limit").call(&hooks).await.word(), "handled");
    let mut handled = 0;
    let full = loop {
        let reply = event(&format!("e{handled}")).call(&hooks).await;
        if reply.status != 200 {
            break reply;
        }
        handled += 1;
        assert!(handled < 10_000, "there is no end of room");
    };
    assert!(full.status == 503 && full.retry_after().is_some(), "{full:?}");
    // Some pages may have room for one more.
    let mut n = 0;
    let error = loop {
        let claim = Claim::new(key(n), Some(key(10_000 + n)), super::LEASE);
        match store.claim(claim).await {
            Ok(_) => n += 1,
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("make room on the disk"), "{error}");
    // What needs no room is answered.
    assert_eq!(event("limit").call(&hooks).await.word(), "duplicate");
    other.execute("DELETE FROM ballast").await.unwrap();
    for n in handled..handled + 100 {
        assert_eq!(event(&format!("e{n}")).call(&hooks).await.word(), "handled");
    }
}

fn letter(n: u64) -> DeadLetter {
    DeadLetter {
        source: String::new(),
        event_type: EVENT.to_owned(),
        event_id: n.to_string(),
        error: "no use".to_owned(),
        body: Some(Bytes::from(vec![b'x'; usize::try_from(n * 97 % 5000).unwrap()])),
    }
}

fn end(n: u64) -> End {
    match n % 3 {
        0 => End::Dead(letter(n)),
        1 => End::Release,
        _ => End::Done,
    }
}

/// Whether the store knows that it has answered so.
async fn is_known(store: &SqliteStore, n: u64) -> bool {
    let status = store.status(key(n)).await.unwrap();
    match end(n) {
        End::Dead(letter) => {
            let kept = store.get(key(n)).await.unwrap();
            matches!(status, Status::Dead { .. }) && kept.is_some_and(|dead| dead.letter == letter)
        }
        End::Release => matches!(status, Status::Released { .. }),
        End::Done => matches!(status, Status::Done { .. }),
    }
}

async fn is_whole(file: &Path) {
    let check = sqlx::query("PRAGMA integrity_check")
        .fetch_one(&mut other_program(file).await)
        .await;
    assert_eq!(check.unwrap().get::<String, _>(0), "ok");
}

/// The power goes: the log ends somewhere after what was synced, with whatever the disk held there. Everything that was answered
/// by then is known, nothing is damaged, and what came after is there or not.
#[tokio::test]
async fn a_log_that_is_cut_after_what_was_answered_knows_all_of_that() {
    const EVENTS: u64 = 40;
    let directory = Directory::default();
    let (file, log) = (directory.file("hooks.db"), directory.file("hooks.db-wal"));
    let store = open(&file).await;
    // How long the log was when the claim, and then the end, of each event was answered.
    let mut answered = Vec::new();
    let length = || std::fs::metadata(&log).unwrap().len();
    let before = std::fs::read(&file).unwrap();
    for n in 0..EVENTS {
        let claimed = store
            .claim(Claim::new(key(n), Some(key(1000 + n)), super::LEASE))
            .await;
        let Verdict::Granted { token, .. } = claimed.unwrap().verdict else {
            panic!("it is new")
        };
        let claimed = length();
        assert_eq!(store.finish(key(n), token, end(n)).await.unwrap(), Held::Yes);
        answered.push((claimed, length()));
    }
    // Nothing was copied into the database meanwhile: the log has it all.
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let whole = std::fs::read(&log).unwrap();
    let last = answered.last().unwrap().1;
    assert!(last <= whole.len() as u64);
    let mut cuts = Vec::new();
    for n in (0..EVENTS).step_by(7) {
        let (claimed, ended) = answered[n as usize];
        // At the answer, within the frames that follow it, and in the middle of what was not answered yet.
        cuts.extend([ended, ended + 1, ended + 24, ended + 2500, (claimed + ended) / 2]);
    }
    for (number, cut) in cuts.into_iter().enumerate() {
        let image = directory.file(&format!("image-{number}.db"));
        std::fs::write(&image, &before).unwrap();
        let cut = cut.min(last) as usize;
        let mut log = whole[..cut].to_vec();
        // Pages that were in flight: zeros, old contents, or the new ones out of order.
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
        for (n, (claimed, ended)) in (0..).zip(&answered) {
            if *ended <= cut as u64 {
                assert!(is_known(&store, n).await, "{n} at {cut}");
                let again = store
                    .claim(Claim::new(key(5000), Some(key(1000 + n)), super::LEASE))
                    .await;
                assert_eq!(again.unwrap().record, key(n), "its delivery key at {cut}");
            } else if *claimed <= cut as u64 {
                // Under a greater token, as the next attempt, and at once.
                let status = store.status(key(n)).await.unwrap();
                assert!(
                    matches!(status, Status::Released { attempt: 1, .. }) || is_known(&store, n).await,
                    "{status:?}"
                );
            }
        }
        drop(store);
        is_whole(&image).await;
    }
}
