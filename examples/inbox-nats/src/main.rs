//! Receivers that put events into NATS JetStream, and workers in processes of their own.
//!
//! `cargo run -p inbox-nats -- receive` starts a receiver, and `cargo run -p inbox-nats -- work`
//! starts workers. Start as many of each as you like. Send an event with the `curl` command of the
//! README. A receiver answers `{"status":"accepted"}`, also while no worker runs.
//!
//! - `NATS_URL` is the server, by default `nats://127.0.0.1:4222`. On Debian, `apt install
//!   nats-server`, then `nats-server --jetstream --store_dir DIRECTORY`.
//! - `DATABASE_URL` is the PostgreSQL database in which workers claim events and keep dead letters.
//!   A worker writes a row into the table `syncs` in the transaction that records the event. So
//!   each event has one row, whatever process dies.
//! - `REDIS_URL` is a Redis to claim them in instead. The handler then only writes a line into the
//!   log, because Redis has no transaction for it.
//! - `ATTEMPTS` is the number of runs after which an event is dead-lettered. Default: 12.
//!
//! # What the server keeps
//!
//! The server writes a message into a file before it confirms it, so no `kill -9` of the server
//! loses an event. But it syncs its files every two minutes only, so a power failure loses the last
//! of them. With this configuration, in a file for `nats-server -c FILE`, it syncs each message
//! first. That needs NATS 2.10, and takes the time of a sync for each event.
//!
//! ```text
//! jetstream { store_dir: "/var/lib/nats", sync_interval: always }
//! ```

mod nats;

use std::{env, error::Error, time::Duration};

use apideck_hooks::events::ConnectionCallable;
use apideck_hooks::{Hooks, HooksBuilder, PostgresStore, RedisStore, Retry, Tx, on, router};
use nats::Nats;
use sqlx::Postgres;
use sqlx::postgres::PgPoolOptions;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// All processes of a service have the same source, and so the same stream.
const SOURCE: &str = "syncs";
const GRACE: Duration = Duration::from_secs(20);
const CONCURRENCY: usize = 16;

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable, mut tx: Tx<Postgres>) -> sqlx::Result<()> {
    let (service, consumer) = (&event.entity.service_id, &event.entity.consumer_id);
    let sync = sqlx::query("INSERT INTO syncs (service, consumer) VALUES ($1, $2)");
    sync.bind(service).bind(consumer).execute(&mut *tx).await?;
    info!("sync {service} of {consumer}");
    Ok(())
}

#[on("vault.connection.callable")]
async fn log_sync(event: ConnectionCallable) {
    info!("sync {} of {}", event.entity.service_id, event.entity.consumer_id);
}

/// Makes the receiver of a process. A worker has the secret too, so it refuses a message that no
/// receiver has sealed.
async fn hooks(nats: Nats) -> Result<Hooks, Box<dyn Error>> {
    if let Ok(url) = env::var("REDIS_URL") {
        let hooks = with_inbox(Hooks::builder(router![log_sync, ..]), nats)?;
        return Ok(hooks.store(RedisStore::connect(url).await?).build()?);
    }
    let url = env::var("DATABASE_URL").map_err(|_| "neither DATABASE_URL nor REDIS_URL is set")?;
    let pool = PgPoolOptions::new().max_connections(8).connect(&url).await?;
    let store = PostgresStore::new(pool.clone());
    store.migrate().await?;
    // In one transaction with a lock, because several processes can start at once.
    let tables = "SELECT pg_advisory_xact_lock(1);
        CREATE TABLE IF NOT EXISTS syncs (service text NOT NULL, consumer text NOT NULL)";
    sqlx::raw_sql(tables).execute(&pool).await?;
    let hooks = with_inbox(Hooks::builder(router![start_sync, ..]), nats)?;
    Ok(hooks.store(store).build()?)
}

fn with_inbox<R>(hooks: HooksBuilder<R>, nats: Nats) -> Result<HooksBuilder<R>, Box<dyn Error>> {
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: anyone can send events with the key `demo-key`");
        "demo-key".to_owned()
    });
    let mut retry = Retry::exponential(Duration::from_secs(2));
    if let Ok(attempts) = env::var("ATTEMPTS") {
        retry = retry.attempts(attempts.parse()?);
    }
    let hooks = hooks
        .secret(secret)
        .source(SOURCE)
        .lease(nats::LEASE)
        .retry(retry);
    Ok(hooks.body_limit(nats.body_limit()).inbox(nats))
}

async fn receive(hooks: Hooks) -> Result<(), Box<dyn Error>> {
    let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    let stop = hooks.shutdown_on_signal(GRACE);
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // `RUST_LOG` changes the log.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt().compact().with_target(false);
    log.with_env_filter(filter).init();
    let url = env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let nats = Nats::connect(&url, SOURCE)
        .await
        .map_err(|error| error.to_string())?;
    let hooks = hooks(nats.clone()).await?;
    match env::args().nth(1).as_deref() {
        Some("receive") => receive(hooks).await,
        Some("work") => {
            let stop = hooks.shutdown_on_signal(GRACE);
            tokio::select! {
                ended = nats.work(&hooks, CONCURRENCY) => ended.map_err(|error| error.to_string())?,
                () = stop => {}
            }
            Ok(())
        }
        _ => Err("say what the process does: `receive` or `work`".into()),
    }
}
