//! The example, on both databases.

use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::delivery::{Delivery, Encoding, encode, mac};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::fixtures;
use apideck_hooks_tests::postgres::Database;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};
use tokio::process::Command;

const SYNCS: &str = "SELECT count(*) FROM syncs";

/// One effect of two deliveries, and an end when asked for.
async fn receives(database: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-transactional"));
    command.env("DATABASE", database);
    let mut receiver = Receiver::of(command).await;
    let body = fixtures::body("vault.connection.callable", "e1");
    let signature = encode(&mac("demo-key", body.as_bytes()), Encoding::Hex);
    let mut delivery = Delivery::of(body).signature(&signature);
    delivery.path = "/webhooks/apideck".to_owned();
    for word in ["handled", "duplicate"] {
        assert_eq!(delivery.send(receiver.addr).await.word(), word);
    }
    receiver.signal("TERM").await;
    receiver.line("stopped").await;
    assert!(receiver.wait().await.success());
}

#[tokio::test]
async fn the_example_receives_in_sqlite() {
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
async fn the_example_receives_in_postgres() {
    let Some(server) = Database::new().await else {
        return;
    };
    // A database of its own: the example makes tables of fixed names.
    let name = &server.schema;
    let mut connection = server.options.connect().await.unwrap();
    let create = format!("CREATE DATABASE \"{name}\"");
    connection.execute(AssertSqlSafe(create)).await.unwrap();
    let options = server.options.clone().database(name);
    receives(options.to_url_lossy().as_str()).await;
    let mut inside = options.connect().await.unwrap();
    let syncs: i64 = inside.fetch_one(SYNCS).await.unwrap().get(0);
    drop(inside);
    let drop = format!("DROP DATABASE \"{name}\" WITH (FORCE)");
    connection.execute(AssertSqlSafe(drop)).await.unwrap();
    assert_eq!(syncs, 1);
}
