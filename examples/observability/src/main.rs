//! A receiver with a log and with metrics for Prometheus.
//!
//! Run it with `cargo run -p observability`, send an event with the `curl` command of the README,
//! and look at `http://127.0.0.1:3000/metrics`. `RUST_LOG=apideck_hooks=debug` logs more. The
//! store is the SQLite file `observability.db`, or the one that `DATABASE` names.
//!
//! Beside the sources are a dashboard for Grafana (`grafana.json`) and rules for Prometheus
//! (`alerts.yml`).

mod handlers;

use std::{env, error::Error, time::Duration};

use apideck_hooks::{Hooks, Metrics, SqliteStore, router};
use axum::{Router, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// Installs the exporter. Without buckets it would make summaries of histograms.
fn install_exporter() -> Result<PrometheusHandle, Box<dyn Error>> {
    let mut exporter = PrometheusBuilder::new();
    for metric in Metrics::TABLE {
        if !metric.buckets.is_empty() {
            let name = Matcher::Full(metric.name.to_owned());
            exporter = exporter.set_buckets_for_metric(name, metric.buckets)?;
        }
    }
    let exporter = exporter.install_recorder()?;
    // Moves what histograms have recorded into buckets, also if nobody reads the page.
    let upkeep = exporter.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    Ok(exporter)
}

/// The page for Prometheus. A proxy in front of the receiver must not pass it on to strangers.
async fn page(hooks: Hooks, exporter: PrometheusHandle) -> String {
    Metrics::update(&hooks.snapshot().await);
    exporter.render()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().compact().with_env_filter(filter).init();
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: anyone can send events with the key `demo-key`");
        "demo-key".to_owned()
    });
    let database = env::var("DATABASE").unwrap_or_else(|_| "observability.db".to_owned());
    let exporter = install_exporter()?;
    let hooks = Hooks::builder(router![
        handlers::start_sync,
        handlers::created,
        handlers::updated,
        handlers::disabled,
        handlers::revoked,
        handlers::deleted,
        ..
    ])
    .secret(secret)
    .store(SqliteStore::open(database).await?)
    .observe(Metrics::new())
    .build()?;

    let observed = hooks.clone();
    let app = Router::new()
        .route_service("/webhooks/apideck", hooks.clone())
        .route("/metrics", get(move || page(observed.clone(), exporter.clone())));
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    // Installs the signal handlers before the first connection is accepted.
    let stop = hooks.shutdown_on_signal(Duration::from_secs(20));
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}
