//! The receiver with PostgreSQL.

use std::error::Error;

use apideck_hooks::{Hooks, PostgresStore, Tx, events::ConnectionCallable, on, router};
use sqlx::{PgPool, Postgres};

use super::{CREATE_SYNCS, INSERT_SYNC};

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable, mut tx: Tx<Postgres>) -> sqlx::Result<()> {
    sqlx::query(INSERT_SYNC)
        .bind(&event.entity.consumer_id)
        .bind(&event.entity.service_id)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

pub(super) async fn hooks(url: &str, secret: String) -> Result<Hooks, Box<dyn Error>> {
    let pool = PgPool::connect(url).await?;
    sqlx::query(CREATE_SYNCS).execute(&pool).await?;
    let store = PostgresStore::new(pool);
    store.migrate().await?;
    Ok(Hooks::builder(router![start_sync, ..])
        .secret(secret)
        .store(store)
        // PostgreSQL can be shared by several services.
        .source("transactional-example")
        .build()?)
}
