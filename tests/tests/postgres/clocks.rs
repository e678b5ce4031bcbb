//! Changes of the clock. Only the clock of the server counts, at the time of a change (Case 23).

use super::{LEASE, blocked_by, database, execute, granted, key, number, verdict};
use apideck_hooks::store::{Claim, End, Held, Status, Store, Token, Verdict};
use sqlx::AssertSqlSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// A change of the wall clock has no effect on code that does not read it.
#[test]
fn case_23_the_store_reads_only_the_clock_of_the_server() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apideck-hooks/src/store/postgres");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        // The times in this file are those of connections, not of records.
        if path.ends_with("connections.rs") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        files += 1;
        for clock in [
            "SystemTime",
            "Instant",
            "Timestamp::now",
            " now()",
            "current_timestamp",
        ] {
            assert!(!text.contains(clock), "{clock}");
        }
    }
    assert!(files > 5, "{files}");
}

/// A change of the clock by an hour makes all records an hour older or younger. Settled events stay
/// settled. A lease ends by the new clock, and a stale owner has lost.
#[tokio::test(flavor = "multi_thread")]
async fn case_23_a_clock_change_of_the_server_grants_no_claim_twice() {
    let database = database!();
    let (store, pool) = (database.store(2).await, database.pool(1));
    let (done, running) = (key(1), key(2));
    let (token, _) = granted(&store, done).await;
    assert_eq!(store.finish(done, token, End::Done).await.unwrap(), Held::Yes);
    let (old, _) = granted(&store, running).await;
    for set in ["-", "+"] {
        let sql = format!(
            "UPDATE {{}}.records SET created_at = created_at {set} interval '1 hour',
                changed_at = changed_at {set} interval '1 hour', lease_until = lease_until {set} interval '1 hour'"
        );
        assert_eq!(execute(&database, &pool, &sql).await, 2);
        assert_eq!(store.sweep().await.unwrap(), 0);
        assert_eq!(store.status(done).await.unwrap(), Status::Done { token });
        let again = verdict(&store, Claim::new(done, None, LEASE)).await;
        assert_eq!(again, Verdict::Done);
    }
    // With the clock ahead, the lease is over and another claim is granted.
    execute(
        &database,
        &pool,
        "UPDATE {}.records SET lease_until = lease_until - interval '1 hour' WHERE state = 'running'",
    )
    .await;
    let (new, attempt) = granted(&store, running).await;
    assert!(new > old && attempt == 2);
    assert_eq!(store.finish(running, old, End::Done).await.unwrap(), Held::Lost);
    // With the clock back, the lease lasts longer and its owner still settles the record.
    execute(
        &database,
        &pool,
        "UPDATE {}.records SET lease_until = lease_until + interval '1 hour' WHERE state = 'running'",
    )
    .await;
    let busy = verdict(&store, Claim::new(running, None, LEASE)).await;
    assert!(matches!(busy, Verdict::Running { .. }));
    assert_eq!(store.finish(running, new, End::Done).await.unwrap(), Held::Yes);
}

/// A claim that waits for a lock reads the time after the wait. Its own lease starts then.
#[tokio::test(flavor = "multi_thread")]
async fn time_is_read_after_the_wait_for_a_lock() {
    let database = database!();
    let (store, pool) = (Arc::new(database.store(2).await), database.pool(2));
    let event = key(1);
    let first = verdict(&store, Claim::new(event, None, LEASE)).await;
    assert!(matches!(first, Verdict::Granted { attempt: 1, .. }), "{first:?}");
    // Another program locks the row, and the lease ends meanwhile.
    let mut holder = pool.begin().await.unwrap();
    let end = "UPDATE {}.records SET lease_until = clock_timestamp() + interval '100 milliseconds'";
    let end = AssertSqlSafe(end.replace("{}", &database.schema));
    sqlx::query(end).execute(&mut *holder).await.unwrap();
    // A new delivery key has to be bound, so that the claim needs the lock.
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { verdict(&store, Claim::new(event, Some(key(2)), LEASE)).await }
    });
    blocked_by(&mut holder, &pool).await;
    sleep(Duration::from_millis(200)).await;
    let released: String = sqlx::query_scalar("SELECT clock_timestamp()::text")
        .fetch_one(&pool)
        .await
        .unwrap();
    holder.commit().await.unwrap();
    let taken = waiting.await.unwrap();
    assert!(matches!(taken, Verdict::Granted { attempt: 2, .. }), "{taken:?}");
    let full = format!(
        "SELECT count(*) FROM {{}}.records WHERE state = 'running'
            AND lease_until >= '{released}'::timestamptz + interval '{} seconds'",
        LEASE.as_secs()
    );
    assert_eq!(number(&database, &pool, &full).await, 1);
}

/// Times of any length are cut to a hundred years.
#[tokio::test(flavor = "multi_thread")]
async fn unbounded_times_are_accepted() {
    let database = database!();
    let store = database.builder(2).retention(Duration::MAX).build().unwrap();
    store.migrate().await.unwrap();
    let claimed = verdict(&store, Claim::new(key(1), None, Duration::MAX)).await;
    assert_eq!(
        claimed,
        Verdict::Granted {
            token: Token(1),
            attempt: 1
        }
    );
    let held = store.renew(key(1), Token(1), Duration::MAX).await.unwrap();
    assert_eq!(held, Held::Yes);
    assert_eq!(
        store.renew(key(1), Token(u64::MAX), LEASE).await.unwrap(),
        Held::Lost
    );
    assert_eq!(
        store.finish(key(1), Token(1), End::Done).await.unwrap(),
        Held::Yes
    );
    assert_eq!(store.sweep().await.unwrap(), 0);
}
