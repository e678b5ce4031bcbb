//! A receiver of this project with its defaults and a handler that does nothing.

use super::{Failure, connections, control};
use apideck_hooks::{Hooks, events::ConnectionCreated, on, router};
use tokio::net::TcpListener;

#[on("vault.connection.created")]
async fn created(event: ConnectionCreated) {
    std::hint::black_box(event);
}

fn hooks(listener: &TcpListener) -> Result<Hooks, Failure> {
    let hooks = Hooks::builder(router![created, ..])
        .secret(perf::event::SECRET)
        .build()?;
    let counted = hooks.clone();
    control(listener, move |_| counted.stats().handled.to_string())?;
    Ok(hooks)
}

pub(super) async fn hyper(listener: TcpListener) -> Result<(), Failure> {
    let hooks = hooks(&listener)?;
    connections(listener, hooks).await
}

pub(super) async fn axum(listener: TcpListener) -> Result<(), Failure> {
    let app = axum::Router::new().route_service(perf::event::PATH, hooks(&listener)?);
    Ok(axum::serve(listener, app).await?)
}
