//! Bytes in, answer out: the edge to hyper and tower.

mod answer;
#[cfg(feature = "axum")]
mod axum;
mod body;
mod serve;

pub(crate) use answer::{Answer, Later};
pub use serve::ResponseFuture;
