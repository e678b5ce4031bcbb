//! A receiver with the console, and with an inbox.
//!
//! Run it with `cargo run -p console`, and open `http://127.0.0.1:3000/hooks`. It sends itself some
//! events, so that there are deliveries, dead letters and waiting events to look at. `DEMO=off`
//! leaves them out.
//!
//! The console has no password here, unless `APIDECK_HOOKS_CONSOLE_TOKEN` is set. The store and the
//! inbox are the SQLite file `console.db`, or the one that `DATABASE` names.

mod demo;
mod handlers;

use std::{env, error::Error, time::Duration};

use apideck_hooks::console::Console;
use apideck_hooks::{Hooks, Retry, Secret, SqliteInbox, Workers, router};
use axum::Router;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

const TOKEN: &str = "APIDECK_HOOKS_CONSOLE_TOKEN";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().compact().with_env_filter(filter).init();
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: anyone can send events with the key `demo-key`");
        "demo-key".to_owned()
    });
    let console = match env::var_os(TOKEN) {
        Some(_) => Console::with_token(Secret::from_env(TOKEN)?),
        None => Console::unprotected(),
    };
    let console = console.allow_changes();
    let database = env::var("DATABASE").unwrap_or_else(|_| "console.db".to_owned());
    let hooks = Hooks::builder(router![
        handlers::start_sync,
        handlers::created,
        handlers::deleted,
        handlers::token,
        handlers::revoked,
        handlers::crm_changed,
        ..
    ])
    .secret(&secret)
    .source("demo")
    .inbox(SqliteInbox::open(database).await?)
    .observe(console.observer())
    .build()?;

    let workers = hooks.workers(Workers::new().retry(Retry::exponential(Duration::from_secs(60))));
    let app = Router::new()
        .nest_service("/hooks", console.serve(&hooks))
        .route_service("/webhooks/apideck", hooks.clone());
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    // Installs the signal handlers before the first connection is accepted.
    let stop = hooks.shutdown_on_signal(Duration::from_secs(20));
    let addr = listener.local_addr()?;
    info!("listening on http://{addr}/webhooks/apideck, console at http://{addr}/hooks");
    if env::var("DEMO").as_deref() != Ok("off") {
        tokio::spawn(demo::run(hooks, secret, Duration::from_secs(3)));
    }
    let serve = async { axum::serve(listener, app).with_graceful_shutdown(stop).await };
    let (served, worked) = tokio::join!(serve, workers);
    served?;
    worked?;
    Ok(())
}
