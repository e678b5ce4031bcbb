//! The SQLite store.

mod clocks;
mod commits;
mod deliveries;
mod files;
#[cfg(unix)]
mod kills;
mod letters;
mod locks;
mod power;
mod readers;
mod retention;
mod transactions;

use apideck_hooks::SqliteStore;
use apideck_hooks::store::{Claim, DeadLetter, End, Grant, Held, Key, Store, Verdict};
use apideck_hooks_tests::sqlite::open;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row, SqliteConnection};
use std::path::Path;
use std::time::Duration;

const EVENT: &str = "vault.connection.callable";
const LEASE: Duration = Duration::from_secs(60);
const RELEASE: End = End::Release { rest: Duration::ZERO };

/// The error on opening a file.
async fn refusal(path: &Path) -> String {
    let error = SqliteStore::open(path).await.expect_err("a refusal").to_string();
    println!("{error}");
    error
}

fn key(n: u64) -> Key {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    Key::from_bytes(bytes)
}

fn claim(event: Key) -> Claim {
    Claim::new(event, LEASE)
}

/// A claim with an alias of its own.
fn claim_with_alias(n: u64) -> Claim {
    let mut claim = claim(key(n));
    claim.alias = Some(key(1_000_000 + n));
    claim
}

/// Makes a claim that is granted. Returns the grant and the attempt.
async fn grant(store: &SqliteStore, claim: Claim) -> (Grant, u32) {
    let id = claim.id;
    let claimed = store.claim(claim).await.unwrap();
    match claimed.verdict {
        Verdict::Granted { token, attempt } => (Grant::new(claimed.record, token, id), attempt),
        other => panic!("not granted: {other:?}"),
    }
}

async fn granted(store: &SqliteStore, event: Key) -> (Grant, u32) {
    grant(store, claim(event)).await
}

/// Ends a run.
async fn end(store: &SqliteStore, grant: Grant, end: End) {
    assert_eq!(store.finish(grant, end).await.unwrap(), Held::Yes);
}

/// Claims an event and ends its run as handled.
async fn handle(store: &SqliteStore, event: Key) {
    let (grant, _) = granted(store, event).await;
    end(store, grant, End::Done).await;
}

fn letter(id: &str) -> DeadLetter {
    DeadLetter::new("", "{}").event(EVENT, id, "", "").error("no use")
}

fn dead(letter: DeadLetter) -> End {
    End::Dead {
        letter: Box::new(letter),
        began: true,
    }
}

/// Claims an event and dead-letters it.
async fn dead_letter(store: &SqliteStore, event: Key, letter: DeadLetter) {
    let (grant, _) = granted(store, event).await;
    end(store, grant, dead(letter)).await;
}

/// Connects as another program.
async fn other_program(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}

/// The result of a query of another program.
async fn number(path: &Path, sql: &'static str) -> i64 {
    let mut other = other_program(path).await;
    sqlx::query(sql).fetch_one(&mut other).await.unwrap().get(0)
}

const RECORDS: &str = "SELECT count(*) FROM apideck_hooks_records";
const ALIASES: &str = "SELECT count(*) FROM apideck_hooks_aliases";

/// Makes all records and aliases older, which is the same as a clock that is ahead.
async fn age(path: &Path, by: i64) {
    for sql in [
        "UPDATE apideck_hooks_records SET lease_end = max(lease_end - ?1, 0), rest_end = max(rest_end - ?1, 0),
        first_seen = first_seen - ?1, expires = expires - ?1, dead_at = dead_at - ?1",
        "UPDATE apideck_hooks_aliases SET expires = expires - ?1",
    ] {
        let age = sqlx::query(sql).bind(by);
        age.execute(&mut other_program(path).await).await.unwrap();
    }
}

const fn microseconds(time: Duration) -> i64 {
    time.as_micros() as i64
}
