//! The retention of records, and the sweeper.

use super::{LEASE, database, execute, granted, key, number, verdict};
use apideck_hooks::store::{Claim, DeadLetter, End, Held, Status, Store, Verdict};
use apideck_hooks::{PostgresStore, Replayed};
use apideck_hooks_tests::postgres;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::waiting::{ends, until};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::sleep;

fn letter(body: &'static [u8]) -> DeadLetter {
    DeadLetter {
        source: String::new(),
        event_type: "vault.connection.created".to_owned(),
        event_id: "e\0".to_owned(),
        error: "no\0use".to_owned(),
        body: Some(Bytes::from_static(body)),
    }
}

/// Less than an hour and longer than any part of a test.
const RETENTION: Duration = Duration::from_secs(30 * 60);

/// Makes all records an hour older.
const AGE: &str = "UPDATE {}.records SET created_at = created_at - interval '1 hour',
    changed_at = changed_at - interval '1 hour', lease_until = lease_until - interval '1 hour'";

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
    let ends = [End::Done, End::Release, End::Dead(letter(b"{}"))];
    for (end, n) in ends.into_iter().zip(1..) {
        let claim = Claim::new(key(n), Some(key(100 + n)), LEASE);
        let Verdict::Granted { token, .. } = verdict(&longer, claim).await else {
            panic!("it is new")
        };
        assert_eq!(longer.finish(key(n), token, end).await.unwrap(), Held::Yes);
    }
    // A second delivery key for the first record.
    let claim = Claim::new(key(1), Some(key(201)), LEASE);
    assert_eq!(verdict(&longer, claim).await, Verdict::Done);
    // A running record without an owner.
    granted(&longer, key(4)).await;
    execute(&database, &pool, AGE).await;

    assert_eq!(longer.sweep().await.unwrap(), 0);
    assert!(matches!(
        longer.status(key(1)).await.unwrap(),
        Status::Done { .. }
    ));
    for delivery in [101, 201] {
        let claim = Claim::new(key(9), Some(key(delivery)), LEASE);
        let bound = longer.claim(claim).await.unwrap();
        assert_eq!((bound.record, bound.verdict), (key(1), Verdict::Done));
    }

    // With the shorter retention all but the running record are absent, even before a sweep.
    for n in 1..=3 {
        assert_eq!(shorter.status(key(n)).await.unwrap(), Status::Absent);
    }
    assert!(matches!(
        shorter.status(key(4)).await.unwrap(),
        Status::Running { .. }
    ));
    let dead_letters = shorter.dead_letters().unwrap();
    assert!(dead_letters.list(None, 10).await.unwrap().is_empty());
    assert!(dead_letters.get(key(3)).await.unwrap().is_none());
    assert!(!dead_letters.release(key(3)).await.unwrap() && !dead_letters.purge(key(3)).await.unwrap());
    assert_eq!(
        shorter.sweep().await.unwrap(),
        4,
        "three records, a further delivery key"
    );
    assert_eq!(
        number(&database, &pool, "SELECT count(*) FROM {}.records").await,
        1
    );
    assert!(matches!(
        shorter.status(key(4)).await.unwrap(),
        Status::Running { .. }
    ));
    assert_eq!(granted(&shorter, key(4)).await.1, 2);
}

/// A claim of an expired record is a first attempt with a new token.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_record_is_claimed_as_new_before_the_sweep() {
    let database = database!();
    let pool = database.pool(1);
    let builder = database.builder(2).retention(RETENTION);
    let store = builder.build().unwrap();
    store.migrate().await.unwrap();
    let (delivery, other) = (key(100), key(2));
    let claim = Claim::new(key(1), Some(delivery), LEASE);
    let Verdict::Granted { token, .. } = verdict(&store, claim).await else {
        panic!("it is new")
    };
    let end = End::Dead(letter(b"{}"));
    assert_eq!(store.finish(key(1), token, end).await.unwrap(), Held::Yes);
    execute(&database, &pool, AGE).await;
    // The delivery key of the expired record is free.
    let bound = store
        .claim(Claim::new(other, Some(delivery), LEASE))
        .await
        .unwrap();
    assert!(bound.record == other && matches!(bound.verdict, Verdict::Granted { .. }));
    let (new, attempt) = granted(&store, key(1)).await;
    assert!(new > token && attempt == 1, "{token:?} {new:?} {attempt}");
    assert_eq!(store.finish(key(1), token, End::Done).await.unwrap(), Held::Lost);
    assert!(store.dead_letters().unwrap().get(key(1)).await.unwrap().is_none());
    assert_eq!(store.finish(key(1), new, End::Done).await.unwrap(), Held::Yes);
}

/// The retention of a second delivery key begins when it is bound. Here the record expires first.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_key_that_outlives_its_record_is_bound_again() {
    let database = database!();
    let pool = database.pool(1);
    let builder = database.builder(2).retention(RETENTION);
    let store = builder.build().unwrap();
    store.migrate().await.unwrap();
    for (n, other) in [(1, 1), (2, 3)] {
        let (first, further) = (key(100 + n), key(200 + n));
        let claim = Claim::new(key(n), Some(first), LEASE);
        let Verdict::Granted { token, .. } = verdict(&store, claim).await else {
            panic!("it is new")
        };
        assert_eq!(store.finish(key(n), token, End::Done).await.unwrap(), Held::Yes);
        execute(&database, &pool, AGE).await;
        let bind = "INSERT INTO {}.records
                (record, delivery, alias_of, state, token, attempt, keys, created_at, changed_at)
            SELECT '{key}'::bytea || '\\x61', '{key}'::bytea, record, 'alias', 0, 0, 0, now(), now()
            FROM {}.records";
        let bind = bind.replace("{key}", &format!("\\x{:016x}{:016x}", 200 + n, 0));
        execute(&database, &pool, &bind).await;
        assert_eq!(store.sweep().await.unwrap(), 1, "the record, not the further key");
        let claim = store.claim(Claim::new(key(other), Some(further), LEASE));
        let claimed = ends("an answer", claim).await.unwrap();
        assert_eq!(claimed.record, key(other));
        assert!(matches!(claimed.verdict, Verdict::Granted { attempt: 1, .. }));
        execute(&database, &pool, "DELETE FROM {}.records").await;
    }
}

/// After a purge the attempts start again and the token grows, so that earlier owners have lost.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_grow_across_a_purge() {
    let database = database!();
    let store = database.store(2).await;
    let (stale, _) = granted(&store, key(1)).await;
    let pool = database.pool(1);
    execute(&database, &pool, AGE).await;
    let (token, _) = granted(&store, key(1)).await;
    let end = End::Dead(letter(b"{}"));
    assert_eq!(store.finish(key(1), token, end).await.unwrap(), Held::Yes);
    assert!(store.dead_letters().unwrap().purge(key(1)).await.unwrap());
    assert_eq!(store.status(key(1)).await.unwrap(), Status::Absent);
    let (new, attempt) = granted(&store, key(1)).await;
    assert!(new > token && attempt == 1);
    for lost in [stale, token] {
        assert_eq!(store.finish(key(1), lost, End::Done).await.unwrap(), Held::Lost);
    }
}

/// Tokens are unique even after a sweep, and after a reset of the sequence.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_given_twice() {
    let database = database!();
    let pool = database.pool(1);
    let builder = database.builder(2).retention(RETENTION);
    let store = builder.build().unwrap();
    store.migrate().await.unwrap();
    let (first, _) = granted(&store, key(1)).await;
    assert_eq!(
        store.finish(key(1), first, End::Release).await.unwrap(),
        Held::Yes
    );
    let (second, _) = granted(&store, key(1)).await;
    assert_eq!(store.finish(key(1), second, End::Done).await.unwrap(), Held::Yes);
    execute(&database, &pool, AGE).await;
    assert_eq!(store.sweep().await.unwrap(), 1);
    let mut last = second;
    for attempt in 1..=3 {
        let (token, tried) = granted(&store, key(1)).await;
        assert!(token > last && tried == attempt, "{last:?} {token:?} {tried}");
        for stale in [first, second] {
            assert_eq!(store.finish(key(1), stale, End::Done).await.unwrap(), Held::Lost);
        }
        assert_eq!(
            store.finish(key(1), token, End::Release).await.unwrap(),
            Held::Yes
        );
        last = token;
        execute(&database, &pool, "ALTER SEQUENCE {}.tokens RESTART").await;
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
    let insert =
        "INSERT INTO {}.records (record, state, token, attempt, keys, created_at, changed_at, lease_until)
        SELECT decode(md5(n::text), 'hex'), CASE WHEN n % 10 = 0 THEN 'running' ELSE 'done' END, 1, 1, 1,
            clock_timestamp() - interval '1 hour', clock_timestamp() - interval '1 hour', clock_timestamp()
        FROM generate_series(1, 5000) n";
    execute(&database, &pool, insert).await;
    let keys = "INSERT INTO {}.records
            (record, delivery, alias_of, state, token, attempt, keys, created_at, changed_at)
        SELECT decode(md5('d' || n), 'hex') || '\\x61', decode(md5('d' || n), 'hex'), decode(md5(n::text), 'hex'), 'alias',
            0, 0, 0, clock_timestamp() - interval '1 hour', clock_timestamp() - interval '1 hour'
        FROM generate_series(1, 5000) n";
    execute(&database, &pool, keys).await;
    // The first claim starts the sweeper.
    granted(&store, key(1)).await;
    let aliases = "SELECT count(*) FROM {}.records WHERE state = 'alias'";
    until("all are swept", async || {
        number(&database, &pool, aliases).await == 500
    })
    .await;
    let running = "SELECT count(*) FROM {}.records WHERE state = 'running'";
    assert_eq!(number(&database, &pool, running).await, 501);
    assert_eq!(
        number(&database, &pool, "SELECT count(*) FROM {}.records").await,
        1001
    );

    drop(store);
    let there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}'";
    until("the store has ended", async || {
        number(&database, &pool, there).await == 0
    })
    .await;
    execute(
        &database,
        &pool,
        "UPDATE {}.records SET state = 'done' WHERE state = 'running'",
    )
    .await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(
        number(&database, &pool, "SELECT count(*) FROM {}.records").await,
        1001
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_omits_a_body_over_the_limit_and_reports_it() {
    let database = database!();
    let store = database.builder(2).dead_letter_body_limit(4).build().unwrap();
    store.migrate().await.unwrap();
    for (n, body) in [(1, &b"1234"[..]), (2, b"12345"), (3, b"")] {
        let (token, _) = granted(&store, key(n)).await;
        let end = End::Dead(letter(body));
        assert_eq!(store.finish(key(n), token, end).await.unwrap(), Held::Yes);
    }
    let dead_letters = store.dead_letters().unwrap();
    let kept = dead_letters.list(None, 10).await.unwrap();
    let [third, second, first] = &kept[..] else {
        panic!("{kept:?}")
    };
    assert_eq!(
        (first.letter.body.as_deref(), third.letter.body.as_deref()),
        (Some(&b"1234"[..]), Some(&b""[..]))
    );
    assert_eq!(first.letter.error, "no\u{fffd}use");
    assert_eq!(first.letter.event_id, "e\u{fffd}");
    assert!(second.letter.body.is_none());
    assert_eq!(
        second.letter.error,
        "the body was too large to keep (5 bytes); no\u{fffd}use"
    );
    assert!(dead_letters.release(key(1)).await.unwrap());
    assert!(!dead_letters.release(key(2)).await.unwrap());
    assert!(matches!(store.status(key(2)).await.unwrap(), Status::Dead { .. }));
    let probe = Probe::default();
    let hooks = probe.hooks().store(store).build().unwrap();
    let dead_letters = hooks.dead_letters().unwrap();
    assert_eq!(dead_letters.replay(key(2)).await.unwrap(), Replayed::NoBody);
    assert_eq!(probe.count(), 0);
    assert!(dead_letters.purge(key(2)).await.unwrap());
    assert_eq!(dead_letters.replay(key(2)).await.unwrap(), Replayed::Unknown);
}
