//! The SQLite store.

mod clocks;
mod commits;
mod deliveries;
mod files;
#[cfg(unix)]
mod kills;
mod power;
mod retention;

use apideck_hooks::SqliteStore;
use apideck_hooks::store::{Claim, Key, Store, Token, Verdict};
use apideck_hooks_tests::sqlite::open;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::path::Path;
use std::time::Duration;

const EVENT: &str = "vault.connection.callable";
const LEASE: Duration = Duration::from_secs(60);

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

async fn granted(store: &SqliteStore, event: Key) -> (Token, u32) {
    match store.claim(Claim::new(event, None, LEASE)).await.unwrap().verdict {
        Verdict::Granted { token, attempt } => (token, attempt),
        other => panic!("not granted: {other:?}"),
    }
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
