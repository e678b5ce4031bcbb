//! HTTP: a request in, a response out, for hyper and tower.

#[cfg(feature = "axum")]
mod axum;
mod body;
mod refusal;
mod response;
mod serve;

pub use serve::ResponseFuture;
