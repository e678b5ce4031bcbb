//! The quickstart with its store chosen by a URL: `STORE=sqlite:hooks.db cargo run -p stores`, then the `curl` line of the
//! README. `STORE` is `memory:` (the default), `sqlite:FILE`, `postgres://…` or `redis://…`; no handler knows which.

use apideck_hooks::events::{AnyEvent, ConnectionCallable, ConnectionEvent};
use apideck_hooks::{Hooks, on, router};
use apideck_hooks::{HooksBuilder, MemoryStore, PostgresStore, RedisStore, SqliteStore};
use sqlx::postgres::PgPoolOptions;
use std::{env, error::Error, time::Duration};
use tracing::{info, warn};

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
    info!(connection = event.entity_id, health = ?event.entity.health, "the token's state changed");
}

#[on("*")]
async fn anything_else(event: AnyEvent) {
    info!(entity = event.entity_id(), "nothing to do");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().compact().with_target(false).init();
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: whoever knows the key `demo-key` can send events");
        "demo-key".to_owned()
    });
    let hooks = Hooks::builder(router![start_sync, token_refresh, anything_else]).secret(secret);
    let hooks = with_store(hooks).await?.build()?;
    let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    let stop_signal = stop_signal()?;
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);
    let stop = async move {
        stop_signal.await;
        let drained = hooks.shutdown(Duration::from_secs(20)).await;
        info!(cut_short = drained.stopped, "stopped");
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

/// With the store that `STORE` names. URLs may hold passwords, so none is printed.
async fn with_store<R>(hooks: HooksBuilder<R>) -> Result<HooksBuilder<R>, Box<dyn Error>> {
    let url = env::var("STORE").unwrap_or_else(|_| "memory:".to_owned());
    let (kind, rest) = url.split_once(':').unwrap_or((&url, ""));
    info!(store = kind, "remembers which events were handled");
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

/// Ready on Ctrl-C, and where there is such a thing on SIGTERM. From this call on neither ends the process by itself.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
