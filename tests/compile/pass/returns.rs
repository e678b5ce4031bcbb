//! All kinds of return types.

use super::build;
use apideck_hooks::{Failure, Outcome, Permanent, events::*, on, router};
use std::error::Error;
use std::fmt;

#[derive(Debug)]
struct SyncError;

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no sync")
    }
}

impl Error for SyncError {}

type Shorthand = Result<(), SyncError>;

#[on("vault.connection.created")]
async fn nothing(_event: ConnectionCreated) {}

#[on("vault.connection.updated")]
async fn unit(_event: ConnectionUpdated) -> () {}

#[on("vault.connection.deleted")]
async fn outcome(_event: ConnectionDeleted) -> Outcome {
    Outcome::Ignore
}

#[on("vault.connection.callable")]
async fn error(_event: ConnectionCallable) -> Result<(), SyncError> {
    Err(SyncError)
}

#[on("vault.connection.disabled")]
async fn alias(_event: ConnectionDisabled) -> Shorthand {
    Ok(())
}

#[on("vault.connection.revoked")]
async fn boxed(_event: ConnectionRevoked) -> Result<(), Box<dyn Error + Send + Sync>> {
    Err("text")?
}

#[on("vault.connection.migrated")]
async fn failure(_event: ConnectionMigrated) -> Result<(), Failure> {
    let _: u32 = "many".parse().map_err(Permanent)?;
    Err(SyncError)?
}

#[on("vault.connection.token_refresh.failed")]
async fn permanent(_event: ConnectionTokenRefreshFailed) -> Result<(), Permanent<SyncError>> {
    Err(Permanent(SyncError))
}

#[on("vault.connection.token_refresh.pending")]
async fn text(_event: ConnectionTokenRefreshPending) -> Result<(), &'static str> {
    Err("text")
}

#[on("vault.connection.token_refresh.recovered")]
async fn outcome_or_error(_event: ConnectionTokenRefreshRecovered) -> Result<Outcome, SyncError> {
    Ok(Outcome::Ignore)
}

#[test]
fn builds() {
    build!(router![
        nothing,
        unit,
        outcome,
        error,
        alias,
        boxed,
        failure,
        permanent,
        text,
        outcome_or_error,
        ..
    ]);
}
