//! A receiver that answers at once and runs its handlers later, in one process and one file.
//!
//! Run it with `cargo run -p inbox`, then send an event with the `curl` command of the README. The
//! answer is `{"status":"accepted"}`. The file is `inbox.db`, and `DATABASE` changes its name.
//!
//! The handler fails the first time, so the log shows the retry. The event stays in the file
//! meanwhile: stop the process, start it again, and the retry still comes.

use std::{env, error::Error, time::Duration};

use apideck_hooks::events::ConnectionCallable;
use apideck_hooks::{Delivery, Hooks, Order, Retry, SqliteInbox, Workers, on, router};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable, delivery: Delivery) -> Result<(), &'static str> {
    if delivery.attempt() == 1 {
        return Err("the first attempt of this example fails");
    }
    info!("sync {} of {}", event.entity.service_id, event.entity.consumer_id);
    Ok(())
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
    let database = env::var("DATABASE").unwrap_or_else(|_| "inbox.db".to_owned());
    // The inbox is the store too.
    let hooks = Hooks::builder(router![start_sync, ..])
        .secret(secret)
        .inbox(SqliteInbox::open(database).await?)
        .build()?;
    let workers = hooks.workers(
        Workers::new()
            .concurrency(16)
            .order(Order::PerEntity)
            .retry(Retry::exponential(Duration::from_secs(2))),
    );

    let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    // Ends the workers too, when their running handlers have ended.
    let stop = hooks.shutdown_on_signal(Duration::from_secs(20));
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);
    let serve = async { axum::serve(listener, app).with_graceful_shutdown(stop).await };
    let (served, worked) = tokio::join!(serve, workers);
    served?;
    worked?;
    Ok(())
}
