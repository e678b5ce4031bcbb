//! The quickstart with axum, with hyper and with actix-web: the commands of the README, and Ctrl-C.

use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::kit::over_socket;
use apideck_hooks_tests::services::skip;
use tokio::process::Command;

const README: &str = include_str!("../../../README.md");
const EXAMPLES: [&str; 3] = [
    env!("CARGO_BIN_EXE_example-quickstart"),
    env!("CARGO_BIN_EXE_example-hyper"),
    env!("CARGO_BIN_EXE_example-actix"),
];

/// The `curl` command of the README.
fn curl() -> &'static str {
    let start = README.find("\ncurl ").expect("a curl command") + 1;
    let end = README[start..].find("\n```").expect("the end of the block");
    &README[start..start + end]
}

#[tokio::test]
async fn the_examples_handle_the_curl_command_of_the_readme() {
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
        let apideck = over_socket(receiver.addr, "/elsewhere", "demo-key");
        apideck.validate().await.assert_status(404);
        let apideck = apideck.path(&format!("http://{}/webhooks/apideck", receiver.addr));
        apideck.validate().await.assert_acknowledged();
        receiver.signal("INT").await;
        receiver.line("stopped").await;
        assert!(receiver.wait().await.success());
    }
}
