//! The quickstart in actix-web 4, which has request and response types of its own.
//!
//! Run it with `cargo run -p quickstart-actix`, then send an event with the `curl` command of the
//! README.

use std::{env, error::Error, time::Duration};

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, PayloadConfig, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
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

/// Hands a delivery to the receiver, and its reply to Apideck.
async fn webhook(hooks: Data<Hooks>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let reply = hooks.handle(headers, body).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in reply.headers {
        response.insert_header(header);
    }
    response.body(reply.body)
}

#[actix_web::main]
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
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let data = Data::new(hooks.clone());
    let server = HttpServer::new(move || {
        // actix reads the body, so its limit is the one that counts.
        let limit = PayloadConfig::new(1024 * 1024);
        let app = App::new().app_data(data.clone()).app_data(limit);
        app.route("/webhooks/apideck", post().to(webhook))
    })
    .client_request_timeout(Duration::from_secs(30))
    // The receiver drains first, and actix stops after it.
    .disable_signals()
    .bind(addr)?;
    for addr in server.addrs() {
        info!("listening on http://{addr}/webhooks/apideck");
    }
    let server = server.run();
    let handle = server.handle();
    let drained = hooks.shutdown_on_signal(Duration::from_secs(20));
    actix_web::rt::spawn(async move {
        drained.await;
        handle.stop(true).await;
    });
    server.await?;
    Ok(())
}
