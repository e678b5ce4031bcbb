//! HTTP: a request in, a response out, as a service of hyper and tower.

mod body;
mod drain;
mod handle;
mod receive;

mod response;
mod response_body;
#[cfg(feature = "serve")]
mod serve;
mod services;
mod unread;
#[cfg(feature = "serve")]
mod write_limit;

pub use handle::{Reply, ReplyFuture};
pub use response_body::ResponseBody;
#[cfg(feature = "serve")]
pub use serve::Serve;
pub use services::ResponseFuture;

#[cfg(feature = "console")]
pub(crate) use drain::unread as drain_unread;
