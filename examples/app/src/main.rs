//! An axum application that receives Apideck webhooks beside its other routes.
//!
//! Run it with `cargo run -p app`, then send an event to
//! `http://127.0.0.1:3000/webhooks/apideck/demo` with the `curl` command of the README. The events
//! and the application's tables are in the file `app.db` (`DATABASE` changes it).

use std::path::Path;
use std::sync::Arc;
use std::{env, error::Error, time::Duration};

use app::notifier::LogNotifier;
use app::{App, database, webhooks};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // `RUST_LOG` changes the log.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt().compact().with_target(false);
    log.with_env_filter(filter).init();
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: anyone can send events with the key `demo-key`");
        "demo-key".to_owned()
    });
    let file = env::var("DATABASE").unwrap_or_else(|_| "app.db".to_owned());
    let (pool, store) = database::open(Path::new(&file)).await?;
    let app = App {
        pool: pool.clone(),
        notifier: Arc::new(LogNotifier),
    };
    let hooks = webhooks::builder(app, secret).store(store).build()?;
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    info!("listening on http://{addr}/webhooks/apideck/demo");
    axum::serve(listener, app::router(pool, hooks.clone()))
        .with_graceful_shutdown(hooks.shutdown_on_signal(Duration::from_secs(20)))
        .await?;
    Ok(())
}
