//! `examples/console`: a page with deliveries and dead letters, at once.

use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::delivery::{Delivery, Reply};
use apideck_hooks_tests::directory::file_of_this_thread;
use apideck_hooks_tests::waiting::until;
use http::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::process::Command;

async fn send(addr: SocketAddr, method: Method, path: &str, token: &str) -> Reply {
    let mut request = Delivery::of("{}").header("authorization", &format!("Basic {token}"));
    request.method = method;
    request.path = format!("/hooks{path}");
    request.send(addr).await
}

/// The console without a password, and the dead letters that the example makes itself.
#[tokio::test]
async fn the_example_has_letters_to_look_at_and_to_replay() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-console"));
    command
        .env("DATABASE", file_of_this_thread("hooks.db"))
        .env_remove("APIDECK_HOOKS_CONSOLE_TOKEN");
    let mut receiver = Receiver::of(command).await;
    let get = async |path: &str| send(receiver.addr, Method::GET, path, "").await;
    let page = get("").await;
    assert!(String::from_utf8_lossy(&page.body).contains("Apideck hooks"));
    let mut letters = Value::Null;
    until("there are dead letters", async || {
        letters = get("/api/dead-letters").await.json();
        letters["count"] == 2
    })
    .await;
    let letters = letters["letters"].as_array().expect("letters");
    let mut outcomes = Vec::new();
    for letter in letters {
        let path = format!(
            "/api/dead-letters/{}/replay",
            letter["record"].as_str().expect("a key")
        );
        // A replay runs beside no other event of its entity.
        let mut replayed = Value::Null;
        until("it is replayed", async || {
            replayed = send(receiver.addr, Method::POST, &path, "").await.json();
            replayed["disposition"] != "running"
        })
        .await;
        outcomes.push((letter["consumer_id"].clone(), replayed["disposition"].clone()));
    }
    // Workers run several events at once.
    outcomes.sort_by_key(|(_, disposition)| disposition.to_string());
    assert_eq!(
        outcomes,
        [
            (json!("umbrella"), json!("dead_lettered")),
            (json!("initech"), json!("handled"))
        ]
    );
    receiver.signal("TERM").await;
    receiver.line("stopped").await;
    assert!(receiver.wait().await.success());
}

#[tokio::test]
async fn a_token_protects_the_example() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-console"));
    command
        .env("DATABASE", file_of_this_thread("hooks.db"))
        .env("DEMO", "off");
    command.env("APIDECK_HOOKS_CONSOLE_TOKEN", "a-long-and-random-token");
    let receiver = Receiver::of(command).await;
    let token = "bWU6YS1sb25nLWFuZC1yYW5kb20tdG9rZW4=";
    for (token, status) in [("", 401), ("bWU6d3Jvbmc=", 401), (token, 200)] {
        let reply = send(receiver.addr, Method::GET, "/api/overview", token).await;
        assert_eq!(reply.status, status, "{token}");
    }
    receiver.signal("TERM").await;
    assert!(receiver.wait().await.success());
}
