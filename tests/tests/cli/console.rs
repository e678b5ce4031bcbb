//! A stand-in of a receiver's console, with the shapes of its JSON API.

use apideck_hooks_tests::server;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The token of the stand-in.
pub(crate) const TOKEN: &str = "console-token";

/// A console with dead letters. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct ConsoleStandIn(Arc<Mutex<Vec<Value>>>, Arc<AtomicBool>);

impl ConsoleStandIn {
    /// Makes a console with a number of letters. Replays of the even ones succeed.
    pub(crate) fn with_letters(number: usize) -> Self {
        let letter = |number: usize| {
            json!({
                "record": format!("{number:032x}"), "event_type": "vault.connection.callable",
                "event_id": format!("e-{number}"), "entity_id": "c-1", "consumer_id": "acme",
                "error": "no connection\u{1b}[2J", "attempts": 8, "since": "2026-11-29T10:00:00.000Z",
            })
        };
        let letters = (0..number).rev().map(letter).collect();
        Self(Arc::new(Mutex::new(letters)), Arc::default())
    }

    pub(crate) fn letters(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }

    /// Lets the store fail after the first of several letters.
    pub(crate) fn break_store(&self) {
        self.1.store(true, Ordering::SeqCst);
    }

    /// Starts it at a mount, and returns its URL.
    pub(crate) async fn start(&self) -> String {
        let console = self.clone();
        let answer = move |request: Request| {
            let console = console.clone();
            async move { console.answer(request).await }
        };
        let app = Router::new().fallback(answer);
        format!("http://{}/hooks", server::axum(app).await)
    }

    async fn answer(&self, request: Request) -> Response {
        let authorization = format!("Basic {}", STANDARD.encode(format!("apideck-hooks:{TOKEN}")));
        if request
            .headers()
            .get("authorization")
            .is_none_or(|given| given != authorization.as_str())
        {
            return told(401, json!({"error": "a token is needed"}));
        }
        let (parts, body) = request.into_parts();
        let Some(path) = parts.uri.path().strip_prefix("/hooks/api/") else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let query = parts.uri.query().unwrap_or_default();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        if parts.method == Method::POST {
            assert_eq!(parts.headers["content-type"], "application/json");
            let body = serde_json::from_slice(&body).expect("JSON");
            return self.change(path, &body);
        }
        match path.split('/').collect::<Vec<_>>()[..] {
            ["receiver"] => told(200, json!({"receiver": receiver()})),
            ["dead-letters"] => self.list(query),
            ["dead-letters", record] => match self.find(record) {
                Some(mut letter) => {
                    letter["body"] = "{\"payload\":{\"event_type\":\"vault.connection.callable\"}}".into();
                    told(200, letter)
                }
                None => told(404, json!({"error": "there is no such dead letter"})),
            },
            _ => told(404, json!({"error": "there is no such page"})),
        }
    }

    fn find(&self, record: &str) -> Option<Value> {
        self.0
            .lock()
            .expect("no panic")
            .iter()
            .find(|letter| letter["record"] == *record)
            .cloned()
    }

    fn list(&self, query: &str) -> Response {
        let letters = self.0.lock().expect("no panic").clone();
        let value = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
        };
        let wanted = |letter: &&Value| value("event").is_none_or(|event| letter["event_type"] == *event);
        let letters: Vec<_> = letters.iter().filter(wanted).collect();
        let begin: usize = value("after").map_or(0, |after| after.parse().expect("a cursor"));
        let limit: usize = value("limit").expect("a limit").parse().expect("a number");
        let end = letters.len().min(begin + limit.min(7));
        let next = (end < letters.len()).then(|| end.to_string());
        told(
            200,
            json!({"letters": letters[begin..end], "next": next, "count": letters.len()}),
        )
    }

    fn change(&self, path: &str, body: &Value) -> Response {
        match path.split('/').collect::<Vec<_>>()[..] {
            ["dead-letters", verb] => {
                let at_most = body["at_most"].as_u64().expect("a limit") as usize;
                let letters = self.0.lock().expect("no panic").clone();
                let matching = letters
                    .iter()
                    .rev()
                    .filter(|letter| body["event"].is_null() || letter["event_type"] == body["event"]);
                let records: Vec<_> = matching
                    .take(at_most)
                    .map(|letter| letter["record"].clone())
                    .collect();
                if body["dry_run"] == true {
                    return told(
                        200,
                        json!({"dry_run": true, "count": records.len(), "results": []}),
                    );
                }
                let results = records
                    .iter()
                    .map(|record| self.end(record.as_str().expect("a record"), verb));
                if self.1.load(Ordering::SeqCst) {
                    let results: Vec<_> = results.take(1).collect();
                    let failed = json!({"results": results, "count": 1, "error": "the store failed"});
                    return told(503, failed);
                }
                let results: Vec<_> = results.collect();
                told(
                    200,
                    json!({"dry_run": false, "count": results.len(), "results": results}),
                )
            }
            ["dead-letters", record, verb] => told(200, self.end(record, verb)),
            _ => told(404, json!({"error": "there is no such page"})),
        }
    }

    fn end(&self, record: &str, verb: &str) -> Value {
        let known = self.find(record).is_some();
        let succeeds = u128::from_str_radix(record, 16)
            .expect("a record")
            .is_multiple_of(2);
        let is_gone = known && (verb == "purge" || succeeds);
        if is_gone {
            self.0
                .lock()
                .expect("no panic")
                .retain(|letter| letter["record"] != *record);
        }
        match (verb, known, succeeds) {
            ("purge", ..) => json!({"record": record, "purged": known}),
            (_, false, _) => json!({"record": record, "disposition": "duplicate", "error": null}),
            (_, _, true) => json!({"record": record, "disposition": "handled", "error": null}),
            _ => json!({"record": record, "disposition": "dead_lettered", "error": "still no connection"}),
        }
    }
}

fn receiver() -> Value {
    json!({
        "version": "0.1.0", "store": "SqliteStore", "volatile": false, "source": "", "secrets": 1, "limits": [],
        "handlers": [
            {"name": "start_sync", "events": ["vault.connection.callable"], "transaction": null},
            {"name": "leads", "events": ["crm.lead.created", "crm.lead.deleted"], "transaction": null},
        ],
    })
}

fn told(status: u16, mut body: Value) -> Response {
    body["schema"] = 1.into();
    (StatusCode::from_u16(status).expect("a status"), body.to_string()).into_response()
}
