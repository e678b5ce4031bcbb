//! Runs of the command.

use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::waiting::ends;
use serde_json::Value;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The output of a run that has ended.
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Output {
    /// The results of a run with `--json`.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let objects = self.stdout.lines().map(|line| {
            let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(object["schema"], 1, "{line}");
            object
        });
        objects.collect()
    }

    pub(crate) fn last_object(&self) -> Value {
        self.objects()
            .pop()
            .unwrap_or_else(|| panic!("no result: {}", self.stderr))
    }

    /// Asserts the exit status.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

/// The command with the suites' key, as without a terminal.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_command-line"));
    command
        .args(arguments)
        .env("APIDECK_API_KEY", SECRET)
        .env("APIDECK_APP_ID", "app-1")
        .env_remove("APIDECK_HOOKS_CONSOLE_TOKEN")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub(crate) async fn output(mut command: Command, input: &[u8]) -> Output {
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().expect("the command");
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).await.expect("a pipe");
    }
    let output = ends("a run of the command", child.wait_with_output())
        .await
        .expect("an output");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Output {
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        code: output.status.code().expect("an exit status, and no signal"),
    }
}

pub(crate) async fn run(arguments: &[&str]) -> Output {
    output(command(arguments), b"").await
}
