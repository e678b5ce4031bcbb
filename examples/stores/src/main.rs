//! The quickstart with a store that is chosen by a URL.
//!
//! Run it with `STORE=sqlite:hooks.db cargo run -p stores`, then send an event with the `curl`
//! command of the README. `STORE` is `memory:` (the default), `sqlite:FILE`, `postgres://…` or
//! `redis://…`. The handlers are the same for every store.

use std::{env, error::Error, time::Duration};

use apideck_hooks::events::{AnyEvent, ConnectionCallable, ConnectionEvent};
use apideck_hooks::{Hooks, on, router};
use apideck_hooks::{HooksBuilder, MemoryStore, PostgresStore, RedisStore, SqliteStore};
use sqlx::postgres::PgPoolOptions;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable) {
    info!(
        consumer = event.entity.consumer_id,
        service = event.entity.service_id,
        "start the first sync"
    );
}

#[on("vault.connection.token_refresh.*")]
async fn token_refresh(event: ConnectionEvent) {
    info!(connection = event.entity_id, health = ?event.entity.health, "the state of the token has changed");
}

#[on("*")]
async fn anything_else(event: AnyEvent) {
    info!(entity = event.entity_id(), "nothing to do");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // `RUST_LOG` changes the log.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt().compact().with_target(false);
    log.with_env_filter(filter).init();
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: anyone can send events with the key `demo-key`");
        "demo-key".to_owned()
    });
    let hooks = Hooks::builder(router![start_sync, token_refresh, anything_else])
        .secret(secret)
        // PostgreSQL and Redis can be shared by several services.
        .source("stores-example");
    let hooks = with_store(hooks).await?.build()?;
    let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    // Installs the signal handlers before the first connection is accepted.
    let stop = hooks.shutdown_on_signal(Duration::from_secs(20));
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

/// Adds the store that `STORE` names. A URL is not printed, because it may hold a password.
async fn with_store<R>(hooks: HooksBuilder<R>) -> Result<HooksBuilder<R>, Box<dyn Error>> {
    let url = env::var("STORE").unwrap_or_else(|_| "memory:".to_owned());
    let (kind, rest) = url.split_once(':').unwrap_or((&url, ""));
    info!(store = kind, "store of the events");
    Ok(match kind {
        "memory" => hooks.store(MemoryStore::new()),
        "sqlite" => hooks.store(SqliteStore::open(rest.trim_start_matches("//")).await?),
        "postgres" | "postgresql" => {
            let pool = PgPoolOptions::new().max_connections(16).connect(&url).await?;
            let store = PostgresStore::new(pool);
            store.migrate().await?;
            hooks.store(store)
        }
        "redis" | "rediss" => hooks.store(RedisStore::connect(url).await?),
        _ => return Err("STORE is memory:, sqlite:FILE, postgres://… or redis://…".into()),
    })
}
