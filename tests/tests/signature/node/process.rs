//! A Node.js process that answers questions about documents.

use std::{
    io::{BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use apideck_hooks_tests::services::skip;

/// The program that sorts documents.
pub(super) const SORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oracle/sort.mjs");

/// The program that reads events.
pub(super) const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oracle/events.mjs");

/// The length in the response for a document that Node.js refuses.
const REFUSED: u32 = u32::MAX;

pub(super) struct Node {
    child: Child,
    questions: Questions,
    answers: Answers,
}

pub(super) struct Questions(ChildStdin);

pub(super) struct Answers(BufReader<ChildStdout>);

impl Node {
    /// Starts a program. Returns `None`, after a report, without Node.js.
    pub(super) fn start(program: &str) -> Option<Self> {
        let child = Command::new("node")
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(_) => {
                skip("node");
                return None;
            }
        };
        let questions = Questions(child.stdin.take().expect("piped"));
        let answers = Answers(BufReader::new(child.stdout.take().expect("piped")));
        Some(Self {
            child,
            questions,
            answers,
        })
    }

    pub(super) fn both(&mut self) -> (&mut Questions, &mut Answers) {
        (&mut self.questions, &mut self.answers)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Questions {
    pub(super) fn ask(&mut self, document: &[u8]) {
        let length = u32::try_from(document.len()).expect("a short document");
        self.0
            .write_all(&[&length.to_be_bytes(), document].concat())
            .expect("node reads");
    }
}

impl Answers {
    /// The two sorted forms of the next document: without and with the insides of arrays. `None` if
    /// Node.js refuses the document.
    pub(super) fn next(&mut self) -> Option<[Vec<u8>; 2]> {
        match self.length() {
            REFUSED => None,
            length => {
                let sorted = self.text(length);
                let length = self.length();
                Some([sorted, self.text(length)])
            }
        }
    }

    /// The event of the next body, as JSON. `None` if Node.js refuses the body.
    pub(super) fn event(&mut self) -> Option<Vec<u8>> {
        match self.length() {
            REFUSED => None,
            length => Some(self.text(length)),
        }
    }

    fn length(&mut self) -> u32 {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).expect("node answers");
        u32::from_be_bytes(length)
    }

    fn text(&mut self, length: u32) -> Vec<u8> {
        let mut text = vec![0; length as usize];
        self.0.read_exact(&mut text).expect("node answers");
        text
    }
}
