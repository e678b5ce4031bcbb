//! `examples/app` as a program. Its own tests have the rest.

use apideck_hooks::testing::Event;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{over_socket, patiently};
use tokio::process::Command;

#[tokio::test]
async fn the_application_remembers_through_a_restart() {
    let directory = Directory::default();
    for first in [true, false] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_example-app"));
        command.env("DATABASE", directory.file("app.db"));
        let mut receiver = Receiver::of(command).await;
        let apideck = over_socket(receiver.addr, "/webhooks/apideck/demo", "demo-key").seeded(1);
        let answer = patiently(&apideck, &apideck.event("vault.connection.callable")).await;
        if first {
            answer.assert_handled();
            let failed = Event::new("vault.connection.token_refresh.failed").consumer("acme");
            patiently(&apideck, &failed).await.assert_handled();
            receiver.line("acme must sign in to").await;
        } else {
            answer.assert_duplicate();
        }
        receiver.signal("TERM").await;
        receiver.line("stopped").await;
        assert!(receiver.wait().await.success());
    }
}
