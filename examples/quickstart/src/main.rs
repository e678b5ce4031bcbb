//! A receiver of Apideck webhooks in axum.
//!
//! Run it with `cargo run -p quickstart`, then send an event with the `curl` command of the README.

use std::{env, error::Error, time::Duration};

use apideck_hooks::events::{AnyEvent, ConnectionCallable, ConnectionEvent};
use apideck_hooks::{Hooks, on, router};
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
        .build()?;
    let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    // Installs the signal handlers before the first connection is accepted.
    let stop = hooks.shutdown_on_signal(Duration::from_secs(20));
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}
