//! An editor with one open file, as a client of rust-analyzer.

use serde_json::{Value, json};
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Finds a working rust-analyzer: the one in `RUST_ANALYZER`, or one on the path. rustup may put a
/// proxy there without a program behind it.
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
    /// Opens the crate in `folder` with `text` as its `src/lib.rs`. Waits until the server has read
    /// the whole crate.
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

    /// Replaces the text of the file.
    pub(crate) fn edit(&mut self, text: String) {
        self.version += 1;
        let document = json!({ "uri": self.uri, "version": self.version });
        let changes = json!([{ "text": text }]);
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.text = text;
        self.send(json!({ "method": "textDocument/didChange", "params": params }));
    }

    /// The text that the editor shows for the position `^` in a part of the file, `…^…`.
    pub(crate) fn hover(&mut self, place: &str) -> String {
        let hover = self.ask("textDocument/hover", place);
        hover["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// The targets of "go to definition" from a position: the path and the line of each.
    pub(crate) fn definitions(&mut self, place: &str) -> Vec<(String, String)> {
        let found = self.ask("textDocument/definition", place);
        let links = found.as_array().cloned().unwrap_or_default();
        let links = links.iter().map(|link| {
            let uri = link["uri"].as_str().expect("a file");
            let line = link["range"]["start"]["line"].as_u64().expect("a line") as usize;
            let path = uri.strip_prefix("file://").expect("a local file");
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

    /// The completions at a position.
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
        /// The code of a response that is out of date. The request must be repeated.
        const CONTENT_MODIFIED: i64 = -32801;
        loop {
            self.requests += 1;
            let id = self.requests;
            self.send(json!({ "id": id, "method": method, "params": params }));
            let mut response = loop {
                let message = self.receive();
                if message.get("method").is_none() && message["id"] == id {
                    break message;
                }
            };
            if response["error"]["code"] == CONTENT_MODIFIED {
                continue;
            }
            assert!(response.get("error").is_none(), "{method}: {response}");
            return response["result"].take();
        }
    }

    /// Receives the next message. Requests of the server get an empty response.
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
