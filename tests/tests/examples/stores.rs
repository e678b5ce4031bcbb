//! `examples/stores`: each store by its URL, across a restart of the receiver.

use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::directory::{Directory, file_of_this_thread};
use apideck_hooks_tests::kit::{Told, event, over_socket, patiently};
use apideck_hooks_tests::postgres::Database;
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;
use sqlx::ConnectOptions;
use std::net::SocketAddr;
use tokio::process::Command;

async fn start(store: &str) -> Receiver {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-stores"));
    command.env("STORE", store);
    Receiver::of(command).await
}

async fn send(addr: SocketAddr, id: &str) -> String {
    let apideck = over_socket(addr, "/webhooks/apideck", "demo-key");
    let answer = patiently(&apideck, &event("vault.connection.callable", id)).await;
    answer.assert_status(200).outcome()
}

/// Sends an event twice, restarts the receiver and sends the event again. Returns the last
/// response.
async fn after_a_restart(store: &str) -> String {
    let mut receiver = start(store).await;
    assert_eq!(send(receiver.addr, "e1").await, "handled");
    assert_eq!(send(receiver.addr, "e1").await, "duplicate");
    receiver.signal("TERM").await;
    receiver.line("stopped").await;
    assert!(receiver.wait().await.success());
    let receiver = start(store).await;
    let word = send(receiver.addr, "e1").await;
    assert_eq!(send(receiver.addr, "e2").await, "handled");
    word
}

#[tokio::test]
async fn the_memory_store_forgets_at_restart() {
    assert_eq!(after_a_restart("memory:").await, "handled");
}

#[tokio::test]
async fn sqlite_remembers_through_a_restart() {
    let file = file_of_this_thread("hooks.db");
    assert_eq!(
        after_a_restart(&format!("sqlite:{}", file.display())).await,
        "duplicate"
    );
}

#[tokio::test]
async fn postgres_remembers_through_a_restart() {
    let Some(database) = Database::new().await else {
        return;
    };
    // The example uses the default schema, so it gets a database of its own.
    let url = database.create_database().await.to_url_lossy();
    assert_eq!(after_a_restart(url.as_str()).await, "duplicate");
}

#[tokio::test]
async fn redis_remembers_through_a_restart() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = Server::start(&directory, free_port(), &[]).await;
    let word = after_a_restart(&format!("redis://127.0.0.1:{}/", server.port)).await;
    assert_eq!(word, "duplicate");
}

#[tokio::test]
async fn an_unknown_store_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-stores"));
    let output = command.env("STORE", "mysql://x").output().await.unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("STORE is memory:"));
}
