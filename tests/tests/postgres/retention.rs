//! The retention of records, and the sweeper.

use super::{LEASE, SOURCE, age, claim_of, database, execute, granted, key, number, verdict};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{DeadLetter, End, Held, LetterFilter, Losses, RecordState, Store, Verdict};
use apideck_hooks_tests::postgres;
use apideck_hooks_tests::waiting::until;
use std::time::Duration;
use tokio::time::sleep;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Less than an hour and longer than any part of a test.
const RETENTION: Duration = Duration::from_secs(30 * 60);

fn dead() -> End {
    End::Dead {
        letter: Box::new(DeadLetter::new(SOURCE, "{}").error("no use")),
        began: true,
    }
}

fn release() -> End {
    End::Release { rest: Duration::ZERO }
}

/// The end of a record's time is in the record. A process with a shorter retention does not make it
/// earlier, and its sweeper deletes nothing before.
#[tokio::test(flavor = "multi_thread")]
async fn case_24_settled_records_are_kept_for_the_retention_and_no_longer() {
    let database = database!();
    let pool = database.pool(1);
    let store = |minutes: u64| {
        let builder = database.builder(2).retention(Duration::from_secs(60 * minutes));
        builder.build().unwrap()
    };
    let (longer, shorter) = (store(90), store(30));
    longer.migrate().await.unwrap();
    for (end, n) in [End::Done, release(), dead()].into_iter().zip(1..) {
        let (grant, _) = granted(&longer, claim_of(key(n), key(100 + n))).await;
        assert_eq!(longer.finish(grant, end).await.unwrap(), Held::Yes);
    }
    // Running records without an owner.
    granted(&longer, claim_of(key(4), key(104))).await;
    granted(&shorter, claim_of(key(5), key(105))).await;
    // The shorter retention of another process changes nothing.
    let (grant, _) = granted(&shorter, claim_of(key(2), key(102))).await;
    assert_eq!(shorter.finish(grant, release()).await.unwrap(), Held::Yes);
    age(&database, &pool, HOUR).await;
    for store in [&longer, &shorter] {
        for (n, absent) in [(1, false), (2, false), (3, false), (4, false), (5, true)] {
            let state = store.status(key(n)).await.unwrap().state;
            assert_eq!(state == RecordState::Absent, absent, "{n} {state:?}");
        }
    }
    assert_eq!(
        shorter.sweep().await.unwrap(),
        1,
        "the running one, a retention after its lease"
    );
    assert_eq!(shorter.losses(), Losses::new(0, 1));
    let bound = longer.claim(claim_of(key(9), key(101))).await.unwrap();
    assert_eq!((bound.record, bound.verdict), (key(1), Verdict::Done));

    // After the longer one all are absent but the dead letter, even before a sweep.
    age(&database, &pool, HOUR).await;
    for n in [1, 2, 4] {
        assert_eq!(longer.status(key(n)).await.unwrap().state, RecordState::Absent);
    }
    assert_eq!(longer.status(key(3)).await.unwrap().state, RecordState::Dead);
    let letters = longer.dead_letters().unwrap();
    assert_eq!(letters.count(SOURCE, &LetterFilter::new()).await.unwrap(), 1);
    assert_eq!(longer.sweep().await.unwrap(), 3);
    let left = number(&database, &pool, "SELECT count(*) FROM {}.records").await;
    assert_eq!(left, 1, "the dead letter");
    age(&database, &pool, 1000 * HOUR).await;
    assert_eq!(longer.sweep().await.unwrap(), 0);
    assert!(letters.get(SOURCE, key(3)).await.unwrap().is_some());
}

/// A claim of an expired record is a first attempt with a new token, and its delivery key is free.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_record_is_claimed_as_new_before_the_sweep() {
    let database = database!();
    let pool = database.pool(1);
    let store = database.builder(2).retention(RETENTION).build().unwrap();
    store.migrate().await.unwrap();
    let (alias, other) = (key(100), key(2));
    let (old, _) = granted(&store, claim_of(key(1), alias)).await;
    assert_eq!(store.finish(old, release()).await.unwrap(), Held::Yes);
    age(&database, &pool, HOUR).await;
    let (bound, _) = granted(&store, claim_of(other, alias)).await;
    assert_eq!(bound.record, other);
    let (new, attempt) = granted(&store, claim_of(key(1), None)).await;
    assert!(new.token > old.token && attempt == 1, "{old:?} {new:?} {attempt}");
    assert_eq!(store.finish(old, End::Done).await.unwrap(), Held::Lost);
    assert_eq!(store.finish(new, End::Done).await.unwrap(), Held::Yes);
}

/// A delivery key is bound for as long as its record lives, however long that is.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_key_outlives_its_record() {
    let database = database!();
    let pool = database.pool(1);
    let store = database.builder(2).retention(RETENTION).build().unwrap();
    store.migrate().await.unwrap();
    let (running, dead_one) = (claim_of(key(1), key(101)), claim_of(key(2), key(102)));
    let (grant, _) = granted(&store, running).await;
    let (other, _) = granted(&store, dead_one).await;
    assert_eq!(store.finish(other, dead()).await.unwrap(), Held::Yes);
    let later = "UPDATE {}.aliases SET expires = expires - 1200000000";
    for _ in 0..6 {
        age(&database, &pool, Duration::from_secs(20 * 60)).await;
        execute(&database, &pool, later).await;
        assert_eq!(store.renew(grant, LEASE).await.unwrap(), Held::Yes);
        let claimed = store.claim(claim_of(key(3), key(101))).await.unwrap();
        assert_eq!(claimed.record, key(1));
        assert!(matches!(claimed.verdict, Verdict::Running { .. }));
        let claimed = store.claim(claim_of(key(3), key(102))).await.unwrap();
        assert_eq!(
            (claimed.record, claimed.verdict),
            (key(2), Verdict::Dead { kept: true })
        );
        assert_eq!(store.sweep().await.unwrap(), 0);
    }
    let late = "SELECT count(*) FROM {}.aliases a JOIN {}.records r ON r.key = a.record
        WHERE r.body IS NULL AND a.expires < r.expires";
    assert_eq!(number(&database, &pool, late).await, 0);
}

/// Tokens grow even after a sweep and a purge, so that an earlier owner settles nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_given_twice() {
    let database = database!();
    let pool = database.pool(1);
    let store = database.builder(2).retention(RETENTION).build().unwrap();
    store.migrate().await.unwrap();
    let (mut last, _) = granted(&store, claim_of(key(1), None)).await;
    let mut stale = vec![last];
    for round in 0..4 {
        let end = if round % 2 == 0 { release() } else { dead() };
        assert_eq!(store.finish(last, end).await.unwrap(), Held::Yes);
        if round % 2 == 1 {
            let letters = store.dead_letters().unwrap();
            letters.purge(SOURCE, key(1)).await.unwrap();
            assert_eq!(verdict(&store, claim_of(key(1), None)).await, Verdict::Done);
        }
        age(&database, &pool, HOUR).await;
        assert_eq!(store.sweep().await.unwrap(), 1);
        let (grant, attempt) = granted(&store, claim_of(key(1), None)).await;
        assert!(grant.token > last.token && attempt == 1, "{last:?} {grant:?}");
        for stale in &stale {
            assert_eq!(store.finish(*stale, End::Done).await.unwrap(), Held::Lost);
        }
        stale.push(grant);
        last = grant;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweeper_works_in_batches_and_ends_with_the_store() {
    let database = database!();
    let pool = database.pool(1);
    // The name identifies the connections of the store.
    let options = database.options.clone().application_name(&database.schema);
    let builder = PostgresStore::builder(postgres::pool(options, 4)).schema(&database.schema);
    let builder = builder
        .retention(RETENTION)
        .sweep_every(Duration::from_millis(10));
    let store = builder.build().unwrap();
    store.migrate().await.unwrap();
    // A tenth lives on, because its retention is longer.
    let records = "INSERT INTO {}.records (key, phase, token, claim_id, attempts, interrupted, lease_end,
            lease_length, rest_end, rest_length, first_seen, expires)
        SELECT decode(md5(n::text), 'hex'), n % 2, 1, '', 1, 0, 0, 0, 0, 0, 0,
            CASE WHEN n % 10 = 0 THEN 4000000000000000 ELSE 1 END
        FROM generate_series(1, 5000) n";
    execute(&database, &pool, records).await;
    let aliases = "INSERT INTO {}.aliases
        SELECT decode(md5('a' || n), 'hex'), decode(md5(n::text), 'hex'),
            CASE WHEN n % 10 = 0 THEN 4000000000000000 ELSE 1 END
        FROM generate_series(1, 5000) n";
    execute(&database, &pool, aliases).await;
    // The first claim starts the sweeper.
    granted(&store, claim_of(key(1), None)).await;
    for (table, left) in [("records", 501), ("aliases", 500)] {
        let rows = format!("SELECT count(*) FROM {{}}.{table}");
        until("all are swept", async || {
            number(&database, &pool, &rows).await == left
        })
        .await;
    }

    drop(store);
    let there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}'";
    until("the store has ended", async || {
        number(&database, &pool, there).await == 0
    })
    .await;
    execute(&database, &pool, "UPDATE {}.records SET expires = 1").await;
    sleep(Duration::from_millis(300)).await;
    let rows = "SELECT count(*) FROM {}.records";
    assert_eq!(number(&database, &pool, rows).await, 501);
}
