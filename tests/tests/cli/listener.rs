//! Runs of `apideck-hooks listen`, which end at an interrupt, and their recordings.

use crate::program::command;
use apideck_hooks_tests::waiting::ends;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// `listen` as a process on a port of its own.
pub(crate) struct Listener {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) addr: SocketAddr,
}

impl Listener {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let own = ["listen", "--addr", "127.0.0.1:0", "--json"];
        let mut child = command(&[&own[..], arguments].concat())
            .spawn()
            .expect("the command");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = ends("a line", lines.next_line())
            .await
            .expect("text")
            .expect("the address");
        let first: Value = serde_json::from_str(&first).expect("JSON");
        let addr = first["listening"]
            .as_str()
            .expect("a URL")
            .trim_start_matches("http://");
        Self {
            child,
            lines,
            addr: addr.parse().expect("an address"),
        }
    }

    /// Interrupts it, and returns its results and what it wrote to standard error.
    pub(crate) async fn interrupt(mut self) -> (Vec<Value>, String) {
        let id = self.child.id().expect("a running process").to_string();
        let told = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(told.expect("kill").success());
        let mut objects = Vec::new();
        while let Some(line) = ends("a line", self.lines.next_line()).await.expect("text") {
            objects.push(serde_json::from_str(&line).expect("JSON"));
        }
        let mut errors = String::new();
        let mut stderr = self.child.stderr.take().expect("a pipe");
        stderr.read_to_string(&mut errors).await.expect("text");
        assert_eq!(
            ends("the command", self.child.wait())
                .await
                .expect("a status")
                .code(),
            Some(0)
        );
        (objects, errors)
    }
}

/// The bodies of all recordings, in the order in which they were saved.
pub(crate) fn recordings(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let mut bodies: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    bodies.sort();
    bodies
}
