//! Receive Apideck webhooks.
pub mod signature;
