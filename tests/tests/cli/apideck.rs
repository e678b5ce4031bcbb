//! A stand-in of Apideck's API for webhooks, with the documented fields, pages, filters and errors.

use apideck_hooks::Timestamp;
use apideck_hooks_tests::{SECRET, server};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// Apideck's API. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct ApideckStandIn(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    webhooks: Vec<Value>,
    /// The log, the newest entry first.
    log: Vec<Value>,
    /// The entries that arrive before the next pages are asked for.
    arriving: VecDeque<Vec<Value>>,
    /// The errors of the next requests.
    errors: VecDeque<(u16, Option<&'static str>)>,
    requests: Vec<String>,
    ignores_filters: bool,
    oldest_first: bool,
}

/// Most entries of a page of the stand-in, so that a test has many pages.
const PAGE: usize = 37;

impl ApideckStandIn {
    /// Starts it, and returns its URL.
    pub(crate) async fn start(&self) -> String {
        let list = |path: &'static str| {
            let stand_in = self.clone();
            get(move |request: Request| async move { stand_in.answer(path, &request) })
        };
        let app = Router::new()
            .route("/webhook/webhooks", list("webhooks"))
            .route("/webhook/logs", list("logs"));
        format!("http://{}", server::axum(app).await)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().expect("no panic"))
    }

    pub(crate) fn subscribe(&self, webhook: Value) {
        self.change(|state| state.webhooks.push(webhook));
    }

    /// Adds entries, of which the last is the newest.
    pub(crate) fn log(&self, entries: impl IntoIterator<Item = Value>) {
        self.change(|state| {
            for entry in entries {
                state.log.insert(0, entry);
            }
        });
    }

    /// Lets entries arrive while the next page is on its way.
    pub(crate) fn arrive(&self, entries: Vec<Value>) {
        self.change(|state| state.arriving.push_back(entries));
    }

    pub(crate) fn fail(&self, status: u16, retry_after: Option<&'static str>) {
        self.change(|state| state.errors.push_back((status, retry_after)));
    }

    pub(crate) fn ignore_filters(&self) {
        self.change(|state| state.ignores_filters = true);
    }

    pub(crate) fn list_oldest_first(&self) {
        self.change(|state| state.oldest_first = true);
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.change(|state| state.requests.clone())
    }

    fn answer(&self, path: &str, request: &Request) -> Response {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let query = decode(request.uri().query().unwrap_or_default());
        self.change(|state| {
            state.requests.push(request.uri().to_string());
            if let Some((status, retry_after)) = state.errors.pop_front() {
                return error(status, retry_after);
            }
            if header("authorization") != Some(&format!("Bearer {SECRET}"))
                || header("x-apideck-app-id") != Some("app-1")
            {
                return error(401, None);
            }
            if let Some(arriving) = state.arriving.pop_front() {
                for entry in arriving {
                    state.log.insert(0, entry);
                }
            }
            let all = if path == "logs" {
                state.log.clone()
            } else {
                state.webhooks.clone()
            };
            let mut found: Vec<_> = match state.ignores_filters {
                true => all,
                false => all.into_iter().filter(|entry| is_match(entry, &query)).collect(),
            };
            if state.oldest_first {
                found.reverse();
            }
            page(&found, &query).into_response()
        })
    }
}

fn error(status: u16, retry_after: Option<&str>) -> Response {
    let body = json!({"status_code": status, "error": "Error", "type_name": "Error", "message": "as the stand-in was told"});
    let mut response = (StatusCode::from_u16(status).expect("a status"), body.to_string()).into_response();
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert("retry-after", seconds.parse().expect("a value"));
    }
    response
}

fn is_match(entry: &Value, query: &BTreeMap<String, String>) -> bool {
    let at = |text: &str| Timestamp::from(text).get().expect("a time");
    let of_entry = || at(entry["timestamp"].as_str().expect("a time"));
    query.iter().all(|(name, value)| match name.as_str() {
        "filter[success]" => entry["success"].as_bool() == value.parse().ok(),
        "filter[start_date]" => of_entry() >= at(value),
        "filter[end_date]" => of_entry() <= at(value),
        "filter[event_type]" => entry["event_type"] == **value,
        "limit" | "cursor" => true,
        other => panic!("no such parameter: {other}"),
    })
}

/// A page begins behind the entry that the cursor names, so entries that arrive move nothing.
fn page(found: &[Value], query: &BTreeMap<String, String>) -> String {
    let limit: usize = query["limit"].parse().expect("a number");
    assert!((1..=200).contains(&limit));
    let begin = query.get("cursor").map_or(0, |cursor| {
        let id = cursor.strip_prefix("after:").expect("a cursor of the stand-in");
        found
            .iter()
            .position(|entry| entry["id"] == *id)
            .expect("an entry")
            + 1
    });
    let end = found.len().min(begin + limit.min(PAGE));
    let next =
        (end < found.len()).then(|| format!("after:{}", found[end - 1]["id"].as_str().expect("an id")));
    let page = &found[begin..end];
    json!({
        "status_code": 200, "status": "OK", "resource": "Logs", "operation": "all", "data": page,
        "meta": {"items_on_page": page.len(), "cursors": {"previous": null, "current": null, "next": next}},
        "links": {"previous": null, "current": "…", "next": null},
    })
    .to_string()
}

fn decode(query: &str) -> BTreeMap<String, String> {
    let text = |part: &str| {
        let mut bytes = Vec::new();
        let mut rest = part.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => {
                    let digits = [rest.next(), rest.next()].map(|digit| char::from(digit.expect("a digit")));
                    u8::from_str_radix(&digits.iter().collect::<String>(), 16).expect("digits")
                }
                byte => byte,
            });
        }
        String::from_utf8(bytes).expect("text")
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (text(name), text(value))).collect()
}
