//! The application's own API. The example has no users: yours puts its authentication before this.

use std::error::Error;
use std::time::Duration;

use apideck_hooks::Hooks;
use apideck_hooks::sqlx::{self, SqlitePool};
use apideck_hooks::store::{DeadRecord, Key, LetterFilter};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Serialize;
use tower_http::timeout::TimeoutLayer;

#[derive(Clone)]
struct Api {
    pool: SqlitePool,
    hooks: Hooks,
}

/// Returns the routes of the API.
pub fn router(pool: SqlitePool, hooks: Hooks) -> Router {
    let limit = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(10));
    Router::new()
        .route("/tenants/{tenant}", put(add_tenant))
        .route("/tenants/{tenant}/syncs", get(syncs))
        .route("/dead-letters", get(dead_letters))
        .route("/dead-letters/{record}/replay", post(replay))
        .with_state(Api { pool, hooks })
        .layer(limit)
}

async fn add_tenant(State(api): State<Api>, Path(tenant): Path<String>) -> Result<StatusCode, Unavailable> {
    sqlx::query("INSERT OR IGNORE INTO tenants VALUES ($1)")
        .bind(tenant)
        .execute(&api.pool)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the consumers whose first sync is planned.
async fn syncs(State(api): State<Api>, Path(tenant): Path<String>) -> Result<Json<Vec<String>>, Unavailable> {
    let consumers = sqlx::query_scalar("SELECT consumer FROM syncs WHERE tenant = $1")
        .bind(tenant)
        .fetch_all(&api.pool)
        .await?;
    Ok(Json(consumers))
}

/// Lists the newest dead letters. Their bodies, which may hold credentials, are not serialised.
async fn dead_letters(State(api): State<Api>) -> Result<Json<Vec<DeadRecord>>, Unavailable> {
    let letters = api
        .hooks
        .dead_letters()
        .ok_or("the store keeps no dead letters")?;
    Ok(Json(letters.list(&LetterFilter::new(), None, 50).await?))
}

#[derive(Serialize)]
struct Replay {
    disposition: &'static str,
    error: Option<String>,
}

async fn replay(State(api): State<Api>, Path(record): Path<Key>) -> Result<Json<Replay>, Unavailable> {
    let letters = api
        .hooks
        .dead_letters()
        .ok_or("the store keeps no dead letters")?;
    let replayed = letters.replay(record).await?;
    Ok(Json(Replay {
        disposition: replayed.disposition.as_str(),
        error: replayed.error,
    }))
}

/// The response to a request that the application cannot answer now.
struct Unavailable;

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Unavailable {
    fn from(error: E) -> Self {
        tracing::error!(error = %error.into(), "a request to the API failed");
        Self
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}
