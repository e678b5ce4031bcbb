//! The tables, and how a file gets them.

use super::database::Failed;
use sqlx::{Row, SqliteConnection};

/// Statements that lead from each version to the next; what is released is never changed.
const MIGRATIONS: &[&str] = &["
    -- Keys are hashes: kept in the order of the keys, each record would dirty a page of its own. In the order of their ids
    -- the new ones, which change most, share pages.
    CREATE TABLE apideck_hooks_records (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        -- 1 running, 2 released, 3 done, 4 dead
        state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
        -- Milliseconds since 1970: when the lease of a running record ends, when any other was last changed.
        at INTEGER NOT NULL,
        boot INTEGER NOT NULL,
        token INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        aliases INTEGER NOT NULL,
        -- 0 none, 1 whole, 2 without a body
        letter INTEGER NOT NULL CHECK (letter BETWEEN 0 AND 2)
    ) STRICT;
    CREATE INDEX apideck_hooks_records_settled ON apideck_hooks_records (at) WHERE state <> 1;
    CREATE TABLE apideck_hooks_aliases (
        delivery BLOB NOT NULL PRIMARY KEY,
        record INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX apideck_hooks_aliases_record ON apideck_hooks_aliases (record);
    CREATE TABLE apideck_hooks_dead_letters (
        -- Grows with every letter, and is not used again: the order in which they are listed.
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key BLOB NOT NULL UNIQUE,
        since INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        source TEXT NOT NULL,
        event_type TEXT NOT NULL,
        event_id TEXT NOT NULL,
        error TEXT NOT NULL,
        -- None if it was too large to keep.
        body BLOB
    ) STRICT;
"];

/// Brings the tables up to date, and counts that the file was opened: the number is this store's boot id.
pub(super) async fn open(connection: &mut SqliteConnection, now: i64) -> Result<i64, Failed> {
    use sqlx::Connection;

    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS apideck_hooks_meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT;
        INSERT INTO apideck_hooks_meta VALUES ('schema', 0), ('boot', 0) ON CONFLICT DO NOTHING",
    )
    .execute(&mut *tx)
    .await?;
    let version: i64 = sqlx::query("SELECT value FROM apideck_hooks_meta WHERE name = 'schema'")
        .fetch_one(&mut *tx)
        .await?
        .try_get(0)?;
    let Some(missing) = usize::try_from(version)
        .ok()
        .and_then(|version| MIGRATIONS.get(version..))
    else {
        return Err(Failed::Other(format!(
            "its tables are of version {version}, and this release knows versions up to {}: a later release has \
             written it; run that one, or use another file",
            MIGRATIONS.len()
        )));
    };
    for statements in missing {
        sqlx::raw_sql(*statements).execute(&mut *tx).await?;
    }
    sqlx::query("UPDATE apideck_hooks_meta SET value = ?1 WHERE name = 'schema'")
        .bind(MIGRATIONS.len() as i64)
        .execute(&mut *tx)
        .await?;
    let boot =
        sqlx::query("UPDATE apideck_hooks_meta SET value = value + 1 WHERE name = 'boot' RETURNING value")
            .fetch_one(&mut *tx)
            .await?
            .try_get(0)?;
    // They ran in a process that is gone. A claim would take them as they are; the sweeper would not. No index leads to them: it
    // would be one more page to write with every claim and every finish.
    sqlx::query("UPDATE apideck_hooks_records SET state = 2, at = ?1 WHERE state = 1 AND boot <> ?2")
        .bind(now)
        .bind(boot)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(boot)
}
