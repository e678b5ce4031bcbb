//! Receivers in processes of their own.

use crate::waiting::ends;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A running receiver. It is killed when it is dropped.
pub struct Receiver {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    pub addr: SocketAddr,
}

impl Receiver {
    /// Starts a program that prints `http://ADDR/` when it listens.
    pub async fn start(program: &str) -> Self {
        Receiver::of(Command::new(program)).await
    }

    /// Starts such a program by a command.
    pub async fn of(mut command: Command) -> Self {
        let mut child = command
            .env("ADDR", "127.0.0.1:0")
            .env("NO_COLOR", "1")
            .env_remove("APIDECK_API_KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program");
        let stdin = child.stdin.take().expect("a pipe");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let addr = loop {
            let line = ends("a line of a program", lines.next_line())
                .await
                .expect("text")
                .expect("the address that it listens on");
            if let Some((_, url)) = line.split_once("http://") {
                break url
                    .split('/')
                    .next()
                    .expect("an address")
                    .parse()
                    .expect("an address");
            }
        };
        Receiver {
            child,
            stdin,
            lines,
            addr,
        }
    }

    /// Waits for a line that contains the text.
    pub async fn line(&mut self, text: &str) -> String {
        loop {
            let line = ends("a line of a program", self.lines.next_line())
                .await
                .expect("text");
            let line = line.unwrap_or_else(|| panic!("the program ended before it printed {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Reads the lines that are left, up to the end of the program.
    pub async fn last_lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = ends("a line of a program", self.lines.next_line())
            .await
            .expect("text")
        {
            lines.push(line);
        }
        lines
    }

    /// Writes an empty line to the program.
    pub async fn enter(&mut self) {
        self.stdin.write_all(b"\n").await.expect("a pipe");
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends a signal by name, such as `TERM`.
    pub async fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .await
            .expect("kill");
        assert!(status.success());
    }

    /// Waits for the end of the program. It closes the standard input first, because a blocked read
    /// would keep the program alive.
    pub async fn wait(self) -> ExitStatus {
        let Receiver { mut child, stdin, .. } = self;
        drop(stdin);
        ends("the end of a program", child.wait()).await.expect("its end")
    }
}
