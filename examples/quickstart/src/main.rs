//! A receiver of Apideck webhooks in axum: `cargo run -p quickstart`, then the `curl` line of the README.

use apideck_hooks::events::{AnyEvent, ConnectionCallable, ConnectionEvent};
use apideck_hooks::{Hooks, on, router};
use std::{env, error::Error, time::Duration};
use tokio::signal::{ctrl_c, unix};
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
    info!(connection = event.entity_id, health = ?event.entity.health, "{}", event.event_type);
}

#[on("*")]
async fn anything_else(event: AnyEvent) {
    info!(
        entity = event.entity_id(),
        "{}",
        event
            .event_type()
            .map_or("a signed body that is no event", AsRef::as_ref)
    );
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_target(false).init();
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: accepting what is signed with the demo key `demo-key`");
        "demo-key".to_owned()
    });
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let hooks = Hooks::builder(router![start_sync, token_refresh, anything_else])
        .secret(secret)
        .build()?;
    let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    let listener = tokio::net::TcpListener::bind(&addr).await?;
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let stop = async move {
        tokio::select! { _ = ctrl_c() => {}, _ = terminate.recv() => {} }
        hooks.shutdown(Duration::from_secs(20)).await;
        info!("stopped: every delivery is settled");
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}
