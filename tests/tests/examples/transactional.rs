//! `examples/transactional` on PostgreSQL and on SQLite.

use apideck_hooks::testing::Event;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{over_socket, patiently};
use apideck_hooks_tests::postgres::Database;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor, Row};
use tokio::process::Command;

const SYNCS: &str = "SELECT count(*) FROM syncs";

/// Sends an event twice and stops the receiver.
async fn receives(database: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-transactional"));
    command.env("DATABASE", database);
    let mut receiver = Receiver::of(command).await;
    let apideck = over_socket(receiver.addr, "/webhooks/apideck", "demo-key");
    let event = Event::new("vault.connection.callable");
    patiently(&apideck, &event).await.assert_handled();
    patiently(&apideck, &event).await.assert_duplicate();
    receiver.signal("TERM").await;
    receiver.line("stopped").await;
    assert!(receiver.wait().await.success());
}

#[tokio::test]
async fn the_transactional_example_works_on_sqlite() {
    let directory = Directory::default();
    let file = directory.file("example.db");
    receives(file.to_str().unwrap()).await;
    let mut file = SqliteConnectOptions::new()
        .filename(file)
        .connect()
        .await
        .unwrap();
    assert_eq!(file.fetch_one(SYNCS).await.unwrap().get::<i64, _>(0), 1);
}

#[tokio::test]
async fn the_transactional_example_works_on_postgres() {
    let Some(database) = Database::new().await else {
        return;
    };
    // The example creates tables with fixed names, so it gets a database of its own.
    let options = database.create_database().await;
    receives(options.to_url_lossy().as_str()).await;
    let mut inside = options.connect().await.unwrap();
    assert_eq!(inside.fetch_one(SYNCS).await.unwrap().get::<i64, _>(0), 1);
}
