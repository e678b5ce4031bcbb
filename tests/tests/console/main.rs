//! The console: its API and its access over sockets, and its page in a browser.

mod access;
mod bodies;
mod browser;
mod changes;
mod inbox;
mod inbox_page;
mod recent;
mod service;
mod web_driver;

use apideck_hooks::console::Console;
use apideck_hooks::testing::Event;
use apideck_hooks::{Hooks, Secret};
use apideck_hooks_tests::delivery::{Delivery, Reply};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::server;
use apideck_hooks_tests::spy::Spy;
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::net::SocketAddr;

const EVENT: &str = "vault.connection.callable";
const TOKEN: &str = "a-long-and-random-token";

/// A receiver with a console at `/hooks`.
struct Site {
    hooks: Hooks,
    probe: Probe,
    spy: Spy,
    addr: SocketAddr,
}

impl Site {
    /// Serves it over axum. The handler takes these steps. The store keeps dead letters.
    async fn new(console: Console, steps: impl IntoIterator<Item = Step>) -> Self {
        Self::over(console, steps, Spy::with_letters()).await
    }

    async fn over(console: Console, steps: impl IntoIterator<Item = Step>, spy: Spy) -> Self {
        let probe = Probe::new(steps);
        let builder = probe.patient_hooks().store(spy.clone());
        let hooks = builder.observe(console.observer()).build().expect("a receiver");
        let app = axum::Router::new()
            .nest_service("/hooks", console.serve(&hooks))
            .route_service("/", hooks.clone());
        let addr = server::axum(app).await;
        Self {
            hooks,
            probe,
            spy,
            addr,
        }
    }

    /// Sends an event whose handler fails for good. Returns its record.
    async fn dead_letter(&self, id: &str) -> String {
        self.dead_letter_of(&event(EVENT, id)).await
    }

    async fn dead_letter_of(&self, event: &Event) -> String {
        event.call(&self.hooks).await.assert_dead_lettered();
        self.spy.last_claim().record.to_string()
    }

    async fn get(&self, path: &str) -> Reply {
        request(Method::GET, path).send(self.addr).await
    }

    async fn read(&self, path: &str) -> Value {
        read(self.addr, path).await
    }

    async fn post(&self, path: &str, body: &str) -> Reply {
        post(self.addr, path, body).await
    }
}

/// Reads an object of the API.
async fn read(addr: SocketAddr, path: &str) -> Value {
    let reply = request(Method::GET, &format!("/hooks/api/{path}"))
        .send(addr)
        .await;
    assert_eq!(reply.status, 200, "{path}: {reply:?}");
    let value = reply.json();
    assert_eq!(value["schema"], 1, "{path}");
    value
}

/// Sends a change.
async fn post(addr: SocketAddr, path: &str, body: &str) -> Reply {
    change(&format!("/hooks/api/{path}"), body).send(addr).await
}

/// Steps of a handler that fails for good this many times.
fn refusals(count: usize) -> Vec<Step> {
    vec![Step::Refuse; count]
}

/// A request without a header.
fn request(method: Method, path: &str) -> Delivery {
    Delivery {
        method,
        path: path.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    }
}

/// A change, as a script sends it.
fn change(path: &str, body: &str) -> Delivery {
    Delivery {
        body: Bytes::copy_from_slice(body.as_bytes()),
        ..request(Method::POST, path).header("content-type", "application/json")
    }
}

fn token() -> Secret {
    Secret::new(TOKEN).expect("a token")
}
