//! An editor with one file open, as rust-analyzer sees it.

use serde_json::{Value, json};
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A rust-analyzer that works: that of `RUST_ANALYZER`, or on the path. rustup puts one there that has nothing behind it.
pub(crate) fn rust_analyzer() -> Option<String> {
    let candidates = [env::var("RUST_ANALYZER").ok(), Some("rust-analyzer".to_owned())];
    candidates.into_iter().flatten().find(|program| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    })
}

pub(crate) struct Editor {
    server: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    requests: u64,
    quiescent: bool,
    uri: String,
    version: u64,
    text: String,
}

impl Editor {
    /// Opens the crate in `folder` with this as its `src/lib.rs`, and waits until the server has read it all.
    pub(crate) fn open(program: &str, folder: &Path, text: &str) -> Self {
        let mut server = Command::new(program)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .env("RA_LOG", "off")
            .spawn()
            .expect("rust-analyzer");
        let mut editor = Editor {
            to: server.stdin.take().expect("its input"),
            from: BufReader::new(server.stdout.take().expect("its output")),
            server,
            requests: 0,
            quiescent: false,
            uri: format!("file://{}", folder.join("src/lib.rs").display()),
            version: 0,
            text: text.to_owned(),
        };
        editor.request(
            "initialize",
            json!({
                "processId": null,
                "rootUri": format!("file://{}", folder.display()),
                "capabilities": {
                    "experimental": { "serverStatusNotification": true },
                    "textDocument": { "hover": { "contentFormat": ["markdown"] } },
                },
                "initializationOptions": { "checkOnSave": false, "cachePriming": { "enable": false } },
            }),
        );
        editor.send(json!({ "method": "initialized", "params": {} }));
        let document = json!({ "uri": editor.uri, "languageId": "rust", "version": 0, "text": text });
        editor.send(json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } }));
        while !editor.quiescent {
            editor.receive();
        }
        editor
    }

    /// The file's text becomes this one.
    pub(crate) fn edit(&mut self, text: String) {
        self.version += 1;
        let document = json!({ "uri": self.uri, "version": self.version });
        let changes = json!([{ "text": text }]);
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.text = text;
        self.send(json!({ "method": "textDocument/didChange", "params": params }));
    }

    /// What is shown with the mouse on the `^` of `…^…`, a part of the file.
    pub(crate) fn hover(&mut self, place: &str) -> String {
        let hover = self.ask("textDocument/hover", place);
        hover["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// Where "go to definition" leads from there: the end of each file's name, and the line's text.
    pub(crate) fn definitions(&mut self, place: &str) -> Vec<(String, String)> {
        let found = self.ask("textDocument/definition", place);
        let links = found.as_array().cloned().unwrap_or_default();
        let links = links.iter().map(|link| {
            let uri = link["uri"].as_str().expect("a file");
            let line = link["range"]["start"]["line"].as_u64().expect("a line") as usize;
            let path = uri.strip_prefix("file://").expect("a file here");
            let text = match uri == self.uri {
                true => self.text.clone(),
                false => std::fs::read_to_string(path).expect("the file"),
            };
            (
                path.to_owned(),
                text.lines().nth(line).unwrap_or_default().to_owned(),
            )
        });
        links.collect()
    }

    /// What is offered with the cursor there.
    pub(crate) fn completions(&mut self, place: &str) -> Vec<String> {
        let offered = self.ask("textDocument/completion", place);
        let items = offered["items"].as_array().or(offered.as_array());
        let labels = items
            .into_iter()
            .flatten()
            .filter_map(|item| item["label"].as_str());
        labels.map(str::to_owned).collect()
    }

    fn ask(&mut self, method: &str, place: &str) -> Value {
        let (before, after) = place.split_once('^').expect("a `^`");
        let start = self.text.find(&format!("{before}{after}")).expect("the place");
        let before = &self.text[..start + before.len()];
        let line = before.matches('\n').count();
        let character = before.len() - before.rfind('\n').map_or(0, |end| end + 1);
        let position = json!({ "line": line, "character": character });
        let params = json!({ "textDocument": { "uri": self.uri }, "position": position });
        self.request(method, params)
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        /// What was asked about has changed meanwhile, if only in what the server knows of it: ask again.
        const CONTENT_MODIFIED: i64 = -32801;
        loop {
            self.requests += 1;
            let id = self.requests;
            self.send(json!({ "id": id, "method": method, "params": params }));
            let mut answer = loop {
                let message = self.receive();
                if message.get("method").is_none() && message["id"] == id {
                    break message;
                }
            };
            if answer["error"]["code"] == CONTENT_MODIFIED {
                continue;
            }
            assert!(answer.get("error").is_none(), "{method}: {answer}");
            return answer["result"].take();
        }
    }

    /// The next message. What the server asks of the editor is answered with nothing.
    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut header = String::new();
            let read = self.from.read_line(&mut header).expect("a message");
            assert!(read > 0, "rust-analyzer has ended");
            match header.trim().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().expect("a length");
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut message = vec![0; length];
        self.from.read_exact(&mut message).expect("a message");
        let message: Value = serde_json::from_slice(&message).expect("JSON");
        if message["method"] == "experimental/serverStatus" {
            self.quiescent = message["params"]["quiescent"] == true;
            assert_ne!(message["params"]["health"], "error", "{message}");
        }
        if let (Some(id), Some(_)) = (message.get("id"), message.get("method")) {
            self.send(json!({ "id": id, "result": null }));
        }
        message
    }

    fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = "2.0".into();
        let message = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{message}", message.len()).expect("a message sent");
        self.to.flush().expect("a message sent");
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
