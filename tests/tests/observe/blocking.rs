//! A handler that blocks its thread.

use super::EVENT;
use super::recorder::Recorder;
use apideck_hooks::events::ConnectionCallable;
use apideck_hooks::{Hooks, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::log::Log;
use std::time::Duration;

const LEASE: Duration = Duration::from_millis(100);

#[on("vault.connection.callable")]
async fn blocks_at_once(_: ConnectionCallable) {
    std::thread::sleep(2 * LEASE);
}

#[on("vault.connection.created")]
async fn blocks_later(_: apideck_hooks::events::ConnectionCreated) {
    tokio::task::yield_now().await;
    std::thread::sleep(2 * LEASE);
}

#[tokio::test]
async fn a_handler_that_blocks_past_the_lease_is_named() {
    let (log, _guard) = Log::capture();
    let recorder = Recorder::default();
    let hooks = Hooks::builder(router![blocks_at_once, blocks_later, ..])
        .secret(SECRET)
        .lease(LEASE)
        .observe(recorder.clone())
        .build()
        .expect("a receiver");
    for (number, event, handler) in [
        (1, EVENT, "blocks_at_once"),
        (2, "vault.connection.created", "blocks_later"),
    ] {
        Delivery::event(event, &format!("e{number}")).call(&hooks).await;
        // A busy machine can stop the thread in another poll, too.
        assert!(hooks.stats().blocked >= number);
        assert!(recorder.count(&format!("incident blocked e{number}")) >= 1);
        let lines = log.lines();
        let line = lines
            .iter()
            .find(|line| line.contains("blocked its thread") && line.contains(handler));
        assert!(line.expect("a line").contains("took="), "{lines:#?}");
    }
}
