//! A receiver whose handler writes to a database exactly once: `cargo run -p transactional`, then the `curl` line of the README.
//!
//! The database is the file `transactional.db`, or what `DATABASE` says: the name of another file, or a server, as in
//! `DATABASE=postgres://postgres@127.0.0.1/test cargo run -p transactional`.

mod postgres;
mod sqlite;

use apideck_hooks::Hooks;
use std::{env, error::Error, time::Duration};
use tracing::{info, warn};

/// The effect: a line in a table of the application's, in the database that the store is in.
const SYNC: &str = "INSERT INTO syncs (consumer, service) VALUES ($1, $2)";
const SYNCS: &str = "CREATE TABLE IF NOT EXISTS syncs (consumer text NOT NULL, service text NOT NULL)";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().compact().with_target(false).init();
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: whoever knows the key `demo-key` can send events");
        "demo-key".to_owned()
    });
    let database = env::var("DATABASE").unwrap_or_else(|_| "transactional.db".to_owned());
    let hooks: Hooks = if database.starts_with("postgres") {
        postgres::hooks(&database, secret).await?
    } else {
        sqlite::hooks(&database, secret).await?
    };
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
