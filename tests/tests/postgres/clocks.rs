//! Changes of the clock. Only the clock of the server counts, at the time of a change (Case 23).

use super::{LEASE, age, blocked_by, claim_of, database, execute, granted, key, number, verdict};
use apideck_hooks::store::{
    Claim, DeadLetter, DeadLetterStore, End, Grant, Held, RecordState, Rests, Store, Token, Verdict,
};
use sqlx::AssertSqlSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const HOUR: Duration = Duration::from_secs(60 * 60);

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

/// Makes all records an hour younger, as a clock that is set back by an hour.
async fn set_back(database: &apideck_hooks_tests::postgres::Database, pool: &sqlx::PgPool) {
    let sql = "UPDATE {}.records SET first_seen = first_seen + N, expires = expires + N,
        lease_end = lease_end + N, rest_end = rest_end + N";
    execute(database, pool, &sql.replace('N', &HOUR.as_micros().to_string())).await;
}

/// A change of the clock by an hour makes all records an hour older or younger. Settled events stay
/// settled. A lease ends by the new clock, and a stale owner has lost.
#[tokio::test(flavor = "multi_thread")]
async fn case_23_a_clock_change_of_the_server_grants_no_claim_twice() {
    let database = database!();
    let (store, pool) = (database.store(2).await, database.pool(1));
    let (done, running) = (key(1), key(2));
    let (grant, _) = granted(&store, claim_of(done, None)).await;
    assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
    let (old, _) = granted(&store, claim_of(running, None)).await;
    set_back(&database, &pool).await;
    // A lease is never longer than its length.
    let Verdict::Running { lease_left, .. } = verdict(&store, claim_of(running, None)).await else {
        panic!("it runs")
    };
    assert!(lease_left <= LEASE, "{lease_left:?}");
    for _ in 0..2 {
        assert_eq!(store.sweep().await.unwrap(), 0);
        assert_eq!(store.status(done).await.unwrap().state, RecordState::Done);
        assert_eq!(verdict(&store, claim_of(done, None)).await, Verdict::Done);
        age(&database, &pool, HOUR).await;
    }
    // With the clock ahead, the lease is over and another claim is granted.
    let (new, attempt) = granted(&store, claim_of(running, None)).await;
    assert!(new.token > old.token && attempt == 2);
    assert_eq!(store.finish(old, End::Done).await.unwrap(), Held::Lost);
    // With the clock back, tokens grow all the same, and the owner still settles the record.
    set_back(&database, &pool).await;
    let far = "UPDATE {}.records SET token = token + 3600000000 RETURNING token";
    execute(&database, &pool, far).await;
    let held = Grant::new(running, Token(new.token.0 + 3_600_000_000), new.id);
    let release = End::Release { rest: Duration::ZERO };
    assert_eq!(store.finish(held, release).await.unwrap(), Held::Yes);
    let (newest, _) = granted(&store, claim_of(running, None)).await;
    assert_eq!(newest.token.0, held.token.0 + 1);
}

/// A clock that is set back makes no rest longer than its length.
#[tokio::test(flavor = "multi_thread")]
async fn case_23_a_clock_that_is_set_back_keeps_nobody_waiting() {
    let database = database!();
    let (store, pool) = (database.store(2).await, database.pool(1));
    let mut claim = Claim::new(key(1), LEASE);
    claim.rests = Rests::new([Duration::from_secs(90); 8]);
    let (grant, _) = granted(&store, claim).await;
    let release = End::Release { rest: Duration::ZERO };
    assert_eq!(store.finish(grant, release).await.unwrap(), Held::Yes);
    set_back(&database, &pool).await;
    let Verdict::Resting { left } = verdict(&store, claim_of(key(1), None)).await else {
        panic!("it rests")
    };
    assert!(left <= Duration::from_secs(90), "{left:?}");
}

/// A wait that a claim has seen lasts as long as its length from then on, and not as long as the
/// clock was set back by.
#[tokio::test(flavor = "multi_thread")]
async fn case_23_a_wait_that_a_claim_has_seen_ends_after_its_length() {
    let database = database!();
    let (store, pool) = (database.store(2).await, database.pool(1));
    let with_rest = |n| {
        let mut claim = Claim::new(key(n), LEASE);
        claim.rests = Rests::new([LEASE; 8]);
        claim
    };
    granted(&store, with_rest(1)).await;
    let (grant, _) = granted(&store, with_rest(2)).await;
    let release = End::Release { rest: Duration::ZERO };
    assert_eq!(store.finish(grant, release).await.unwrap(), Held::Yes);
    let (grant, _) = granted(&store, with_rest(3)).await;
    let dead = End::Dead {
        letter: Box::new(DeadLetter::new("tests", "{}")),
        began: true,
    };
    assert_eq!(store.finish(grant, dead).await.unwrap(), Held::Yes);
    let replayed = async || store.replay("tests", with_rest(3)).await.unwrap().unwrap();
    assert!(matches!(replayed().await, Verdict::Granted { .. }));
    set_back(&database, &pool).await;
    let verdict_of_replay = replayed().await;
    assert!(
        matches!(verdict_of_replay, Verdict::Running { .. }),
        "{verdict_of_replay:?}"
    );
    for n in [1, 2] {
        let verdict = verdict(&store, with_rest(n)).await;
        assert!(!matches!(verdict, Verdict::Granted { .. }), "{n} {verdict:?}");
    }
    age(&database, &pool, LEASE).await;
    granted(&store, with_rest(2)).await;
    let verdict = verdict(&store, with_rest(1)).await;
    assert!(!matches!(verdict, Verdict::Running { .. }), "{verdict:?}");
    let verdict = replayed().await;
    assert!(matches!(verdict, Verdict::Granted { .. }), "{verdict:?}");
}

/// A rest that has ended by the end of its run is still one if the clock is set back then.
#[tokio::test(flavor = "multi_thread")]
async fn case_23_a_clock_that_is_set_back_ends_no_rest_early() {
    let database = database!();
    let (store, pool) = (database.store(2).await, database.pool(1));
    let mut claim = Claim::new(key(1), 2 * HOUR);
    claim.rests = Rests::new([Duration::from_secs(90); 8]);
    let (grant, _) = granted(&store, claim).await;
    age(&database, &pool, HOUR).await;
    let release = End::Release { rest: Duration::ZERO };
    assert_eq!(store.finish(grant, release).await.unwrap(), Held::Yes);
    set_back(&database, &pool).await;
    let state = store.status(key(1)).await.unwrap().state;
    assert!(
        matches!(state, RecordState::Released { left } if !left.is_zero()),
        "{state:?}"
    );
}

/// A claim that waits for a lock reads the time after the wait. Its own lease starts then.
#[tokio::test(flavor = "multi_thread")]
async fn time_is_read_after_the_wait_for_a_lock() {
    let database = database!();
    let (store, pool) = (Arc::new(database.store(2).await), database.pool(2));
    let event = key(1);
    granted(&store, claim_of(event, None)).await;
    // Another program locks the row, after the lease has ended.
    age(&database, &pool, 2 * LEASE).await;
    let mut holder = pool.begin().await.unwrap();
    let lock = AssertSqlSafe("SELECT FROM {}.records FOR UPDATE".replace("{}", &database.schema));
    sqlx::query(lock).execute(&mut *holder).await.unwrap();
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { granted(&store, claim_of(event, None)).await.1 }
    });
    blocked_by(&mut holder, &pool).await;
    sleep(Duration::from_millis(200)).await;
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let released = number(&database, &pool, now).await;
    holder.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap(), 2);
    let full = format!(
        "SELECT count(*) FROM {{}}.records WHERE phase = 0 AND lease_end >= {released} + {}",
        LEASE.as_micros()
    );
    assert_eq!(number(&database, &pool, &full).await, 1);
}

/// Times of any length are accepted.
#[tokio::test(flavor = "multi_thread")]
async fn unbounded_times_are_accepted() {
    let database = database!();
    let store = database.builder(2).retention(Duration::MAX).build().unwrap();
    store.migrate().await.unwrap();
    let mut claim = Claim::new(key(1), Duration::MAX);
    claim.rests = Rests::new([Duration::MAX; 8]);
    let (grant, attempt) = granted(&store, claim).await;
    assert_eq!(attempt, 1);
    assert_eq!(store.renew(grant, Duration::MAX).await.unwrap(), Held::Yes);
    let never = Grant::new(key(1), Token(u64::MAX), grant.id);
    assert_eq!(store.renew(never, LEASE).await.unwrap(), Held::Lost);
    let release = End::Release { rest: Duration::MAX };
    assert_eq!(store.finish(grant, release).await.unwrap(), Held::Yes);
    assert!(store.end_rest(key(1)).await.unwrap());
    assert_eq!(store.sweep().await.unwrap(), 0);
}
