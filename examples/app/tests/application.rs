//! The whole application: the path, the layers, the other routes and the database.

use std::sync::Arc;
use std::time::Duration;

use apideck_hooks::testing::{Apideck, Event, Forgery};
use apideck_hooks::{Hooks, Rest};
use app::notifier::LogNotifier;
use app::{App, database, webhooks};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

/// The application with a database of its own.
struct Test {
    router: Router,
    hooks: Hooks,
    _directory: TempDir,
}

impl Test {
    async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let (pool, store) = database::open(&directory.path().join("app.db")).await.unwrap();
        let app = App {
            pool: pool.clone(),
            notifier: Arc::new(LogNotifier),
        };
        let hooks = webhooks::builder(app, "test-key")
            .store(store)
            // The clock is not paused, so an event that failed would rest in real time.
            .rest(Rest::None)
            .build()
            .unwrap();
        Self {
            router: app::router(pool, hooks.clone()),
            hooks,
            _directory: directory,
        }
    }

    fn apideck(&self, path: &str) -> Apideck<Router> {
        Apideck::new(self.router.clone(), "test-key").path(path)
    }

    /// Sends a request to one of the other routes.
    async fn call(&self, method: &str, path: &str) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

#[tokio::test]
async fn an_event_of_a_tenant_reaches_the_api() {
    let test = Test::start().await;
    let apideck = test.apideck("/webhooks/apideck/demo");
    apideck.validate().await.assert_acknowledged();

    let event = Event::new("vault.connection.callable").consumer("acme");
    apideck.storm(&event, 50).await.assert_handled_once();
    let syncs = test.call("GET", "/api/tenants/demo/syncs").await;
    assert_eq!(syncs, (StatusCode::OK, json!(["acme"])));

    apideck
        .send(&Event::new("ats.applicant.created"))
        .await
        .assert_ignored();
}

#[tokio::test]
async fn strangers_and_other_paths_reach_nothing() {
    let test = Test::start().await;
    let event = Event::new("vault.connection.callable");
    for forgery in Forgery::ALL {
        let apideck = test.apideck("/webhooks/apideck/demo");
        apideck.forge(&event, forgery).await.assert_refused();
    }
    test.apideck("/webhooks/apideck")
        .send(&event)
        .await
        .assert_status(404);
    let syncs = test.call("GET", "/api/tenants/demo/syncs").await;
    assert_eq!(syncs, (StatusCode::OK, json!([])));
}

#[tokio::test]
async fn an_event_of_an_unknown_tenant_waits_until_the_tenant_is_added() {
    let test = Test::start().await;
    let event = Event::new("vault.connection.callable").consumer("acme");
    let answer = test.apideck("/webhooks/apideck/new").send(&event).await;
    answer
        .assert_dead_lettered()
        .assert_error("unknown tenant \"new\"");

    let (_, letters) = test.call("GET", "/api/dead-letters").await;
    let record = letters[0]["record"].as_str().unwrap();
    assert!(!letters.to_string().contains("entity\":"), "no body: {letters}");

    test.call("PUT", "/api/tenants/new").await;
    let replay = format!("/api/dead-letters/{record}/replay");
    let (status, replayed) = test.call("POST", &replay).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(replayed, json!({ "disposition": "handled", "error": null }));
    let (_, syncs) = test.call("GET", "/api/tenants/new/syncs").await;
    assert_eq!(syncs, json!(["acme"]));
    assert_eq!(test.call("GET", "/api/dead-letters").await.1, json!([]));
}

#[tokio::test]
async fn a_process_that_shuts_down_is_not_ready() {
    let test = Test::start().await;
    assert_eq!(test.call("GET", "/health").await.0, StatusCode::OK);
    test.hooks.shutdown(Duration::ZERO).await;
    assert_eq!(
        test.call("GET", "/health").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let apideck = test.apideck("/webhooks/apideck/demo");
    apideck
        .send(&Event::new("vault.connection.callable"))
        .await
        .assert_status(503);
}
