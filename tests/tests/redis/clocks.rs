//! Case 23: the server's clock is the only one.

use super::{LONG, claim, granted, key, record_name, set_token};
use apideck_hooks::store::{End, Held, Key, Status, Store, Verdict};
use apideck_hooks_tests::redis::Isolated;
use std::path::Path;

/// A wall clock that is set cannot matter to who does not read it.
#[test]
fn case_23_the_store_reads_no_clock_of_its_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apideck-hooks/src/idempotency/redis");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        files += 1;
        for clock in ["SystemTime", "Timestamp::now"] {
            assert!(!text.contains(clock), "{clock} in {}", path.display());
        }
    }
    assert!(files > 8, "{files}");
}

/// The clock of the server goes on by as much: what was written before is older.
async fn set(isolated: &Isolated, record: Key, hours: i64) {
    let key = record_name(isolated, record);
    let mut client = isolated.client().await;
    // A lease ends when its key has so much time to live left, and Redis keeps the end of a key by its clock.
    let left: i64 = redis::cmd("PTTL")
        .arg(&key)
        .query_async(&mut client)
        .await
        .unwrap();
    redis::cmd("PEXPIRE")
        .arg(&key)
        .arg(left - hours * 3_600_000)
        .exec_async(&mut client)
        .await
        .unwrap();
}

/// The clock of the server is set an hour ahead or back. Settled events stay settled; a lease ends when that clock says so, and
/// a stale owner has lost.
#[tokio::test]
async fn case_23_a_server_whose_clock_is_set_hands_nothing_out_twice() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (done, running) = (key(), key());
    let (token, _) = granted(&store, done, LONG).await;
    assert_eq!(store.finish(done, token, End::Done).await.unwrap(), Held::Yes);
    for hours in [1, -1, -1, 1] {
        set(&isolated, done, hours).await;
        assert_eq!(store.status(done).await.unwrap(), Status::Done { token });
        assert_eq!(claim(&store, done, None, LONG).await.verdict, Verdict::Done);
    }
    // Ahead: its lease is over, and who takes it is alone. A token is greater though the clock that it came from was.
    let (old, _) = granted(&store, running, LONG).await;
    set(&isolated, running, 1).await;
    let (new, attempt) = granted(&store, running, LONG).await;
    assert!(new > old && attempt == 2);
    assert_eq!(store.finish(running, old, End::Done).await.unwrap(), Held::Lost);
    // Back: busy for longer, and its owner still renews and settles it.
    set(&isolated, running, -1).await;
    let busy = claim(&store, running, None, LONG).await.verdict;
    assert!(matches!(busy, Verdict::Running { lease_left } if lease_left > LONG));
    assert_eq!(store.renew(running, new, LONG).await.unwrap(), Held::Yes);
    let busy = claim(&store, running, None, LONG).await.verdict;
    assert!(
        matches!(busy, Verdict::Running { lease_left } if lease_left <= LONG),
        "by the clock as it is now"
    );
    assert_eq!(store.finish(running, new, End::Done).await.unwrap(), Held::Yes);
}

/// A clock that was set back gives no token twice.
#[tokio::test]
async fn case_23_tokens_grow_though_the_clock_goes_back() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let event = key();
    let (first, _) = granted(&store, event, LONG).await;
    assert_eq!(store.finish(event, first, End::Release).await.unwrap(), Held::Yes);
    // As if it had come from a clock an hour ahead.
    let ahead = first.0 + 3_600_000_000;
    set_token(&isolated, event, ahead).await;
    let (second, attempt) = granted(&store, event, LONG).await;
    assert!(second.0 > ahead && attempt == 2, "{second:?}");
}
