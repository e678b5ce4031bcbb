//! A receiver whose handler changes a database exactly once for each event.
//!
//! Run it with `cargo run -p transactional`, then send an event with the `curl` command of the
//! README.
//!
//! The database is the SQLite file `transactional.db`. Set `DATABASE` to the name of another file
//! or to the URL of a PostgreSQL server:
//! `DATABASE=postgres://postgres@127.0.0.1/test cargo run -p transactional`.

mod postgres;
mod sqlite;

use std::{env, error::Error, time::Duration};

use apideck_hooks::Hooks;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// The handler's effect: a row in the application's table. The table is in the database of the
/// store.
const INSERT_SYNC: &str = "INSERT INTO syncs (consumer, service) VALUES ($1, $2)";
const CREATE_SYNCS: &str = "CREATE TABLE IF NOT EXISTS syncs (consumer text NOT NULL, service text NOT NULL)";

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
    let database = env::var("DATABASE").unwrap_or_else(|_| "transactional.db".to_owned());
    let hooks: Hooks = if database.starts_with("postgres") {
        postgres::hooks(&database, secret).await?
    } else {
        sqlite::hooks(&database, secret).await?
    };
    let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    // Installs the signal handlers before the first connection is accepted.
    let stop = hooks.shutdown_on_signal(Duration::from_secs(20));
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}
