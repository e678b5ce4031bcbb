//! `examples/inbox`.

use apideck_hooks::testing::Event;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{over_socket, patiently};
use tokio::process::Command;

/// The retry of the handler comes after a restart.
#[tokio::test]
async fn the_inbox_example_works_later_and_through_a_restart() {
    let directory = Directory::default();
    let start = async || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_example-inbox"));
        command.env("DATABASE", directory.file("inbox.db"));
        Receiver::of(command).await
    };
    let mut receiver = start().await;
    let apideck = over_socket(receiver.addr, "/webhooks/apideck", "demo-key");
    let event = Event::new("vault.connection.callable");
    patiently(&apideck, &event).await.assert_accepted();
    receiver.line("a worker runs it again").await;
    receiver.signal("TERM").await;
    assert!(receiver.wait().await.success());
    let mut receiver = start().await;
    receiver.line("sync ").await;
    receiver.signal("TERM").await;
    assert!(receiver.wait().await.success());
}
