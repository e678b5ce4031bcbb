//! Signals to a receiver in a process of its own.

use super::EVENT;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::kit::{Deliver, Told, event};

#[tokio::test]
async fn case_17_sigterm_settles_running_handlers_and_accepts_no_event() {
    let mut receiver = Receiver::start(env!("CARGO_BIN_EXE_gated-receiver")).await;
    let addr = receiver.addr;
    let event = |id: &str| event(EVENT, id);
    let running: Vec<_> = ["e1", "e2", "e3"]
        .map(|id| {
            let delivery = event(id);
            tokio::spawn(async move { delivery.send(addr).await })
        })
        .into();
    for _ in &running {
        receiver.line("started").await;
    }
    receiver.signal("TERM").await;
    receiver.line("stopping").await;
    let refused = event("e4").send(addr).await;
    assert_eq!(refused.code(), 503);
    assert!(refused.retry_after().is_some());
    for _ in &running {
        receiver.enter().await;
    }
    for delivery in running {
        delivery.await.unwrap().assert_handled();
    }
    assert_eq!(receiver.line("stopped").await, "stopped 0");
    assert!(receiver.wait().await.success());
}
