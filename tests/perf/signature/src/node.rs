//! Verification in Node.js, as Apideck's guide shows it.

use crate::subject::Subject;
use perf::event::SECRET;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node.mjs");

pub(crate) struct Node {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Node {
    pub(crate) fn start() -> Option<Self> {
        let child = Command::new("node")
            .arg(PROGRAM)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        match child {
            Ok(mut child) => Some(Self {
                questions: child.stdin.take().expect("piped"),
                answers: BufReader::new(child.stdout.take().expect("piped")),
                child,
            }),
            Err(error) => {
                eprintln!("SKIPPED: Node.js, because it cannot be started: {error}");
                None
            }
        }
    }

    /// The times of one verification of the raw and of the sorted form, in nanoseconds by Node's
    /// own clock.
    pub(crate) fn time(&mut self, body: &[u8], subject: &Subject<'_>, time: Duration) -> [f64; 2] {
        let question = json!({
            "secret": SECRET,
            "body": str::from_utf8(body).expect("JSON"),
            "signatures": subject.signatures(),
            "ms": time.as_millis() / 2,
        });
        writeln!(self.questions, "{question}").expect("node reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("node answers");
        let answer: Value = serde_json::from_str(&answer).expect("two numbers");
        [0, 1].map(|at| answer[at].as_f64().expect("a number"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
