//! A receiver on Redis for tests with several processes and with kills.
//!
//! `PREFIX` and `LEASE_MS` set the prefix and the lease. A run counts itself in the hash
//! `PREFIX:effects`. With `GATED`, it then prints `started` and waits for a line on the standard
//! input.

use apideck_hooks::events::AnyEvent;
use apideck_hooks::{Delivery, Hooks, Outcome, RedisStore, Rest, State, on, router};
use apideck_hooks_tests::redis::client;
use apideck_hooks_tests::services::REDIS;
use apideck_hooks_tests::waiting::GENEROUS;
use redis::aio::MultiplexedConnection;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

#[derive(Clone)]
struct App {
    effects: MultiplexedConnection,
    key: String,
    gate: Option<Arc<Semaphore>>,
}

#[on("*")]
async fn effect(_: AnyEvent, delivery: Delivery, State(mut app): State<App>) -> Outcome {
    let id = delivery.event_id().unwrap_or_default();
    redis::cmd("HINCRBY")
        .arg(&app.key)
        .arg(id)
        .arg(1)
        .exec_async(&mut app.effects)
        .await
        .expect("an effect");
    if let Some(gate) = app.gate {
        println!("started {}", delivery.attempt());
        gate.acquire().await.expect("open").forget();
    }
    Outcome::Done
}

#[tokio::main]
async fn main() {
    let variable = |name: &str| std::env::var(name).expect("a variable");
    let (url, prefix) = (REDIS.url(), variable("PREFIX"));
    let app = App {
        effects: client(&url).await.expect("Redis"),
        key: format!("{prefix}:effects"),
        gate: std::env::var_os("GATED").map(|_| Arc::new(Semaphore::new(0))),
    };
    let store = RedisStore::builder(url)
        .prefix(prefix)
        .call_timeout(GENEROUS)
        .connect_timeout(GENEROUS)
        .connect()
        .await
        .expect("Redis");
    let hooks = Hooks::builder(router![effect])
        .secret(apideck_hooks_tests::SECRET)
        .store(store)
        .source("tests")
        .rest(Rest::None)
        .lease(Duration::from_millis(
            variable("LEASE_MS").parse().expect("a number"),
        ))
        .store_timeout(GENEROUS)
        .state(app.clone())
        .build()
        .expect("a receiver");
    if let Some(gate) = app.gate {
        tokio::spawn(async move {
            let mut lines = BufReader::new(stdin()).lines();
            while let Ok(Some(_)) = lines.next_line().await {
                gate.add_permits(1);
            }
        });
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    println!(
        "listening on http://{}/",
        listener.local_addr().expect("an address")
    );
    axum::serve(listener, axum::Router::new().route_service("/", hooks))
        .await
        .expect("no end");
}
