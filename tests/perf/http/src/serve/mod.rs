//! The servers. Each is a process of one thread.

mod bare;
mod by_hand;
mod control;
mod ours;
mod soak;
mod standard;

pub(crate) use control::control;

use crate::request::Scheme;
use hyper::body::{Body, Incoming};
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Runs the server of this name until its standard input ends.
pub(crate) fn run(name: &str, arguments: &[String]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match name {
            "hyper" => bare::hyper(listener).await,
            "not-found" => bare::not_found(listener).await,
            "axum" => bare::axum(listener).await,
            "by-hand" => by_hand::axum(listener, by_hand::Mutexed::default()).await,
            "by-hand-hyper" => by_hand::hyper(listener, Scheme::Raw).await,
            "by-hand-hyper-sorted" => by_hand::hyper(listener, Scheme::Sorted).await,
            "by-hand-moka" => by_hand::axum(listener, by_hand::Moka::default()).await,
            "ours-hyper" => ours::hyper(listener).await,
            "ours-axum" => ours::axum(listener).await,
            "svix" => standard::svix(listener).await,
            "standardwebhooks" => standard::standardwebhooks(listener).await,
            "soak" => soak::run(listener, arguments).await,
            _ => Err(format!("unknown server {name}").into()),
        }
    })
}

/// Serves HTTP/1 connections with hyper.
async fn connections<S>(listener: TcpListener, service: S) -> Result<(), Failure>
where
    S: HttpService<Incoming> + Clone + 'static,
    S: HttpService<Incoming, Error: Into<Failure>, Future: Send> + Send,
    S::ResBody: Body<Data: Send, Error: Into<Failure>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(async move {
            // The load closes its connections at any time.
            let _ = connection.await;
        });
    }
}
