//! The way to tell a person: a seam, so that tests can put their own behind it.

use std::error::Error;

use async_trait::async_trait;
use tracing::info;

/// Tells a person something, by mail or by chat.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Tells it.
    ///
    /// # Errors
    ///
    /// The text was not sent.
    async fn notify(&self, text: &str) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Writes to the log, because the example knows no mail server.
#[derive(Debug)]
pub struct LogNotifier;

#[async_trait]
impl Notifier for LogNotifier {
    async fn notify(&self, text: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        info!(text, "notify");
        Ok(())
    }
}
