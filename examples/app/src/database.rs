//! The database: one SQLite file for the application and for the store of the receiver.

use std::error::Error;
use std::path::Path;

use apideck_hooks::SqliteStore;
use apideck_hooks::sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use apideck_hooks::sqlx::{self, Executor};

/// A real application has migrations.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS tenants (name TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS syncs (tenant TEXT NOT NULL, consumer TEXT NOT NULL, service TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS fetches (tenant TEXT NOT NULL, url TEXT NOT NULL);
    INSERT OR IGNORE INTO tenants VALUES ('demo');
";

/// Opens the file, or creates it.
///
/// The store and the tables are in one file, so that a handler's `Tx` reaches both.
///
/// # Errors
///
/// The file cannot be opened, or another process has it open.
pub async fn open(file: &Path) -> Result<(SqlitePool, SqliteStore), Box<dyn Error + Send + Sync>> {
    // The store is first, because it creates the file with the right permissions and settings.
    let store = SqliteStore::open(file).await?;
    let options = SqliteConnectOptions::new().filename(file);
    let pool = SqlitePoolOptions::new().connect_with(options).await?;
    create_tables(&pool).await?;
    Ok((pool, store))
}

/// Creates the tables of the application.
///
/// # Errors
///
/// The database refuses.
pub async fn create_tables(pool: &SqlitePool) -> sqlx::Result<()> {
    pool.execute(TABLES).await?;
    Ok(())
}
