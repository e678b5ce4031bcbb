//! An axum application that receives Apideck webhooks beside its other routes.
//!
//! The library is all but the process, so that tests can build the application. `main.rs` has the
//! settings, the log and the server.

pub mod api;
pub mod database;
pub mod notifier;
pub mod tenant;
pub mod webhooks;

use std::sync::Arc;

use apideck_hooks::sqlx::SqlitePool;
use apideck_hooks::{FromRef, Hooks};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tower_http::trace::TraceLayer;

use crate::notifier::Notifier;

/// The state of the application. Each field is a part that a handler can take.
#[derive(Clone, FromRef)]
pub struct App {
    /// The application's own connections to the database.
    pub pool: SqlitePool,
    /// The way to tell a person.
    pub notifier: Arc<dyn Notifier>,
}

/// Returns all routes of the application.
pub fn router(pool: SqlitePool, hooks: Hooks) -> Router {
    Router::new()
        .route("/health", get(health))
        .with_state(hooks.clone())
        .nest("/api", api::router(pool, hooks.clone()))
        .nest("/webhooks", webhooks::router(hooks))
        .layer(TraceLayer::new_for_http())
}

/// The probe of a load balancer, which sends nothing more to a process that shuts down.
async fn health(State(hooks): State<Hooks>) -> StatusCode {
    if hooks.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
