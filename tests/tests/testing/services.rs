//! The sender over other services: an application, a socket, and services that fail.

use super::{EVENT, HANDLER, message};
use apideck_hooks::testing::{Apideck, Event, Forgery};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::server;
use axum::Router;
use axum::routing::{any, get};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn app(probe: &Probe) -> Router {
    let hooks = probe.hooks().build().unwrap();
    Router::new()
        .route("/health", get(async || "ok"))
        .nest("/webhooks", Router::new().route_service("/{tenant}", hooks))
}

fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

#[tokio::test]
async fn an_application_is_tested_by_the_same_sender() {
    let probe = Probe::new([Step::Fail]);
    let app = app(&probe);
    let apideck = Apideck::new(app.clone(), SECRET).path("/webhooks/acme");
    let event = Event::new(EVENT);
    // The facts come through axum.
    let failed = apideck.send(&Event::new(EVENT)).await;
    assert_eq!(failed.assert_failed().handler(), Some(HANDLER));
    apideck.validate().await.assert_acknowledged();
    for forgery in Forgery::ALL {
        apideck.forge(&event, forgery).await.assert_refused();
    }
    apideck.storm(&event, 5).await.assert_handled_once();

    let lost = Apideck::new(app.clone(), SECRET).send(&event).await;
    let text = message(|| lost.assert_acknowledged());
    assert!(
        text.contains("404") && text.contains("`/`") && text.contains("Apideck::path"),
        "{text}"
    );
    let health = Apideck::new(app, SECRET).path("/health").send(&event).await;
    assert!(health.assert_status(405).to_string().contains("takes no POST"));
}

#[tokio::test]
async fn over_a_socket_only_the_response_is_known() {
    let probe = Probe::new([Step::Fail]);
    let addr = server::axum(app(&probe)).await;
    let apideck = Apideck::new(client(), SECRET).path(&format!("http://{addr}/webhooks/acme"));
    apideck.validate().await.assert_failed();
    let event = Event::new(EVENT);
    let answer = apideck.send(&event).await;
    assert_eq!(
        (answer.assert_handled().handler(), answer.disposition()),
        (None, None)
    );
    apideck.send(&event).await.assert_duplicate();
    for forgery in Forgery::ALL {
        apideck.forge(&event, forgery).await.assert_refused();
    }
    apideck.storm(&event, 3).await.assert_acknowledged();
    let other = Apideck::new(client(), "another").path(&format!("http://{addr}/webhooks/acme"));
    let refused = other.send(&event).await;
    assert!(
        refused
            .assert_refused()
            .to_string()
            .contains("has another secret"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_service_that_fails_is_an_answer_with_its_reason() {
    let addr = server::axum(Router::new()).await;
    // Nothing listens on port 1 of this address.
    let nowhere = format!("http://127.0.0.1:1/{}", addr.port());
    let answer = Apideck::new(client(), SECRET)
        .path(&nowhere)
        .send(&Event::new(EVENT))
        .await;
    assert_eq!(answer.status(), None);
    assert!(
        answer.failure().is_some_and(|failure| failure.contains("onnect")),
        "{answer}"
    );
    assert!(message(|| answer.assert_acknowledged()).contains("no response"));
}

#[tokio::test(start_paused = true)]
async fn apideck_waits_a_minute_for_the_response() {
    let slow = any(async || sleep(Duration::from_secs(61)).await);
    let begun = Instant::now();
    let app = Router::new().route("/", slow);
    let answer = Apideck::new(app, SECRET).send(&Event::new(EVENT)).await;
    assert_eq!(
        (answer.status(), begun.elapsed()),
        (None, Duration::from_secs(60))
    );
    assert!(answer.failure().unwrap().contains("given up"), "{answer}");
}

#[tokio::test]
async fn a_response_without_an_end_is_not_read_to_it() {
    let endless = any(async || "x".repeat(1024 * 1024 + 1));
    let app = Router::new().route("/", endless);
    let answer = Apideck::new(app, SECRET).send(&Event::new(EVENT)).await;
    assert_eq!(answer.status(), None);
}
