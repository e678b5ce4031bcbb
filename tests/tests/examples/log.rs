//! The log of the examples.

use apideck_hooks::testing::Event;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{over_socket, patiently};
use tokio::process::Command;

const EXAMPLES: [(&str, &str); 7] = [
    (env!("CARGO_BIN_EXE_example-actix"), "/webhooks/apideck"),
    (env!("CARGO_BIN_EXE_example-app"), "/webhooks/apideck/demo"),
    (env!("CARGO_BIN_EXE_example-hyper"), "/webhooks/apideck"),
    (env!("CARGO_BIN_EXE_example-observability"), "/webhooks/apideck"),
    (env!("CARGO_BIN_EXE_example-quickstart"), "/webhooks/apideck"),
    (env!("CARGO_BIN_EXE_example-stores"), "/webhooks/apideck"),
    (env!("CARGO_BIN_EXE_example-transactional"), "/webhooks/apideck"),
];

/// Runs an example with this `RUST_LOG`, sends it an event, and returns its log from the line on
/// that tells the address.
async fn log(example: &str, path: &str, rust_log: Option<&str>) -> Vec<String> {
    let directory = Directory::default();
    let mut command = Command::new(example);
    command.env("DATABASE", directory.file("example.db"));
    match rust_log {
        Some(filter) => command.env("RUST_LOG", filter),
        None => command.env_remove("RUST_LOG"),
    };
    let mut receiver = Receiver::of(command).await;
    let apideck = over_socket(receiver.addr, path, "demo-key");
    let event = Event::new("vault.connection.callable");
    patiently(&apideck, &event).await.assert_handled();
    receiver.signal("TERM").await;
    let lines = receiver.last_lines().await;
    assert!(receiver.wait().await.success());
    lines
}

#[tokio::test]
async fn rust_log_changes_the_log_of_every_example() {
    let answered = |lines: &[String]| lines.iter().any(|line| line.contains("answered: handled"));
    for (example, path) in EXAMPLES {
        let lines = log(example, path, None).await;
        assert!(answered(&lines), "{example}: {lines:#?}");
        // The address is a line of the example, which this leaves on.
        let lines = log(example, path, Some("info,apideck_hooks=warn")).await;
        assert!(!answered(&lines), "{example}: {lines:#?}");
    }
}
