//! Receivers that answer at once, and workers in processes of their own, on one database.
//!
//! `cargo run -p inbox-postgres -- receive` starts a receiver, and `cargo run -p inbox-postgres --
//! work` starts workers. Start as many of each as you like. `DATABASE_URL` is the database.
//!
//! Send an event with the `curl` command of the README. A receiver answers `{"status":"accepted"}`,
//! also while no worker runs. A worker is woken, and writes a row into the table `syncs` in the
//! transaction that records the event. So each event has one row, whatever process dies.

use std::{env, error::Error, time::Duration};

use apideck_hooks::events::ConnectionCallable;
use apideck_hooks::{Hooks, Order, PostgresInbox, Retry, Tx, Workers, on, router};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Postgres};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// All processes of a service have the same source.
const SOURCE: &str = "syncs";
const GRACE: Duration = Duration::from_secs(20);

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable, mut tx: Tx<Postgres>) -> sqlx::Result<()> {
    let (service, consumer) = (&event.entity.service_id, &event.entity.consumer_id);
    let sync = sqlx::query("INSERT INTO syncs (service, consumer) VALUES ($1, $2)");
    sync.bind(service).bind(consumer).execute(&mut *tx).await?;
    info!("sync {service} of {consumer}");
    Ok(())
}

async fn receive(inbox: PostgresInbox) -> Result<(), Box<dyn Error>> {
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: anyone can send events with the key `demo-key`");
        "demo-key".to_owned()
    });
    let hooks = Hooks::builder(router![start_sync, ..])
        .secret(secret)
        .source(SOURCE);
    let hooks = hooks.inbox(inbox).build()?;
    let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    let stop = hooks.shutdown_on_signal(GRACE);
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

/// Workers need no secret, because they run only what the receivers have verified.
async fn work(inbox: PostgresInbox) -> Result<(), Box<dyn Error>> {
    let workers = Workers::new()
        .concurrency(16)
        .order(Order::PerEntity)
        .retry(Retry::exponential(Duration::from_secs(2)))
        .shutdown_on_signal(GRACE);
    let hooks = Hooks::builder(router![start_sync, ..])
        .source(SOURCE)
        .inbox(inbox);
    hooks.workers(workers).await?;
    Ok(())
}

/// Connects, and creates the tables of the inbox and of the handler.
async fn connect() -> Result<PgPool, Box<dyn Error>> {
    let url = env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
    let pool = PgPoolOptions::new().max_connections(8).connect(&url).await?;
    PostgresInbox::new(pool.clone()).migrate().await?;
    // In one transaction with a lock, because several processes can start at once.
    let tables = "SELECT pg_advisory_xact_lock(1);
        CREATE TABLE IF NOT EXISTS syncs (service text NOT NULL, consumer text NOT NULL)";
    sqlx::raw_sql(tables).execute(&pool).await?;
    Ok(pool)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // `RUST_LOG` changes the log.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt().compact().with_target(false);
    log.with_env_filter(filter).init();
    match env::args().nth(1).as_deref() {
        Some("receive") => receive(PostgresInbox::new(connect().await?)).await,
        Some("work") => work(PostgresInbox::new(connect().await?)).await,
        _ => Err("say what the process does: `receive` or `work`".into()),
    }
}
