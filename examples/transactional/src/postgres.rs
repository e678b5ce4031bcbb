//! The receiver with PostgreSQL.

use super::{SYNC, SYNCS};
use apideck_hooks::{Hooks, PostgresStore, Tx, events::ConnectionCallable, on, router};
use sqlx::{PgPool, Postgres};
use std::error::Error;

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable, mut tx: Tx<Postgres>) -> sqlx::Result<()> {
    sqlx::query(SYNC)
        .bind(&event.entity.consumer_id)
        .bind(&event.entity.service_id)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

pub(super) async fn hooks(url: &str, secret: String) -> Result<Hooks, Box<dyn Error>> {
    let pool = PgPool::connect(url).await?;
    sqlx::query(SYNCS).execute(&pool).await?;
    let store = PostgresStore::new(pool);
    store.migrate().await?;
    Ok(Hooks::builder(router![start_sync, ..])
        .secret(secret)
        .store(store)
        .build()?)
}
