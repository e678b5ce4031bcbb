//! The receiver with a SQLite file.

use std::error::Error;

use apideck_hooks::{Hooks, SqliteStore, Tx, events::ConnectionCallable, on, router};
use sqlx::{ConnectOptions, Connection, Sqlite, sqlite::SqliteConnectOptions};

use super::{CREATE_SYNCS, INSERT_SYNC};

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable, mut tx: Tx<Sqlite>) -> sqlx::Result<()> {
    sqlx::query(INSERT_SYNC)
        .bind(&event.entity.consumer_id)
        .bind(&event.entity.service_id)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

pub(super) async fn hooks(file: &str, secret: String) -> Result<Hooks, Box<dyn Error>> {
    let store = SqliteStore::open(file).await?;
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await?;
    sqlx::query(CREATE_SYNCS).execute(&mut connection).await?;
    connection.close().await?;
    Ok(Hooks::builder(router![start_sync, ..])
        .secret(secret)
        .store(store)
        .build()?)
}
