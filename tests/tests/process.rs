//! Receivers in processes of their own: the examples, and signals.
#![cfg(unix)]

use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::tools::skip;
use tokio::process::Command;

const README: &str = include_str!("../../README.md");
const EXAMPLES: [&str; 2] = [
    env!("CARGO_BIN_EXE_example-quickstart"),
    env!("CARGO_BIN_EXE_example-hyper"),
];

/// The README's `curl` command, as it is written.
fn curl() -> &'static str {
    let start = README.find("\ncurl ").expect("a curl command") + 1;
    let end = README[start..].find("\n```").expect("the end of the block");
    &README[start..start + end]
}

#[tokio::test]
async fn the_curl_line_of_the_readme_is_handled_by_the_examples() {
    if Command::new("curl").arg("--version").output().await.is_err() {
        return skip("curl");
    }
    for example in EXAMPLES {
        let mut receiver = Receiver::start(example).await;
        let command = curl().replace("127.0.0.1:3000", &receiver.addr.to_string());
        for status in ["handled", "duplicate"] {
            let output = Command::new("sh").arg("-c").arg(&command).output().await.unwrap();
            let answer = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(answer, format!("{{\"status\":\"{status}\"}}"), "{command}");
        }
        receiver.line("start the first sync").await;
        receiver.signal("TERM").await;
        receiver.line("stopped").await;
        assert!(receiver.wait().await.success());
    }
}

#[tokio::test]
async fn ctrl_c_stops_the_examples_and_other_paths_are_404() {
    for example in EXAMPLES {
        let mut receiver = Receiver::start(example).await;
        let mut delivery = Delivery::of("{}");
        delivery.path = "/elsewhere".to_owned();
        assert_eq!(delivery.send(receiver.addr).await.status, 404);
        receiver.signal("INT").await;
        receiver.line("stopped").await;
        assert!(receiver.wait().await.success());
    }
}

#[tokio::test]
async fn case_17_sigterm_settles_what_runs_and_takes_nothing_new() {
    let mut receiver = Receiver::start(env!("CARGO_BIN_EXE_gated-receiver")).await;
    let addr = receiver.addr;
    let event = |id: &str| Delivery::event("vault.connection.callable", id);
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
    assert_eq!(refused.status, 503);
    assert!(refused.retry_after().is_some());
    for _ in &running {
        receiver.enter().await;
    }
    for delivery in running {
        assert_eq!(delivery.await.unwrap().word(), "handled");
    }
    assert_eq!(receiver.line("stopped").await, "stopped 0");
    assert!(receiver.wait().await.success());
}
