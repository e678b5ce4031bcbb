//! Changes of the clock. Only the clock of the server counts (Case 23).

use super::{LONG, claim, granted, key, record_name, set_token};
use apideck_hooks::store::{End, Held, Key, Status, Store, Verdict};
use apideck_hooks_tests::redis::Isolated;
use std::path::Path;

/// A change of the wall clock has no effect on code that does not read it.
#[test]
fn case_23_the_store_reads_only_the_clock_of_the_server() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apideck-hooks/src/store/redis");
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

/// Moves the clock of the server ahead for one record, which makes the record older.
async fn set_clock(isolated: &Isolated, record: Key, hours: i64) {
    let key = record_name(isolated, record);
    let mut client = isolated.client().await;
    // The store derives the end of a lease from the time to live of its key, which Redis counts by
    // its clock.
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

/// The clock of the server changes by an hour. Settled events stay settled. A lease ends by the new
/// clock, and a stale owner has lost.
#[tokio::test]
async fn case_23_a_clock_change_of_the_server_grants_no_claim_twice() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (done, running) = (key(), key());
    let (token, _) = granted(&store, done, LONG).await;
    assert_eq!(store.finish(done, token, End::Done).await.unwrap(), Held::Yes);
    for hours in [1, -1, -1, 1] {
        set_clock(&isolated, done, hours).await;
        assert_eq!(store.status(done).await.unwrap(), Status::Done { token });
        assert_eq!(claim(&store, done, None, LONG).await.verdict, Verdict::Done);
    }
    // With the clock ahead, the lease is over and another claim is granted, with a greater token.
    let (old, _) = granted(&store, running, LONG).await;
    set_clock(&isolated, running, 1).await;
    let (new, attempt) = granted(&store, running, LONG).await;
    assert!(new > old && attempt == 2);
    assert_eq!(store.finish(running, old, End::Done).await.unwrap(), Held::Lost);
    // With the clock back, the lease lasts longer and its owner still renews and settles the
    // record.
    set_clock(&isolated, running, -1).await;
    let busy = claim(&store, running, None, LONG).await.verdict;
    assert!(matches!(busy, Verdict::Running { lease_left } if lease_left > LONG));
    assert_eq!(store.renew(running, new, LONG).await.unwrap(), Held::Yes);
    let busy = claim(&store, running, None, LONG).await.verdict;
    assert!(
        matches!(busy, Verdict::Running { lease_left } if lease_left <= LONG),
        "by the new clock"
    );
    assert_eq!(store.finish(running, new, End::Done).await.unwrap(), Held::Yes);
}

/// No token is given twice after the clock goes back.
#[tokio::test]
async fn case_23_tokens_grow_after_the_clock_goes_back() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let event = key();
    let (first, _) = granted(&store, event, LONG).await;
    assert_eq!(store.finish(event, first, End::Release).await.unwrap(), Held::Yes);
    // A token from a clock that was an hour ahead.
    let ahead = first.0 + 3_600_000_000;
    set_token(&isolated, event, ahead).await;
    let (second, attempt) = granted(&store, event, LONG).await;
    assert!(second.0 > ahead && attempt == 2, "{second:?}");
}
