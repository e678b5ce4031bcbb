//! The tables of the store.

use sqlx::{Connection, Row, SqliteConnection};

use super::database::Failed;

/// Version of the tables. Version 1 was never released.
const VERSION: i64 = 3;

const TABLES: &str = "
    CREATE TABLE apideck_hooks_records (
        -- Keys are hashes. In their order, each new record would change a page of its own. In the
        -- order of these numbers the new records, which change most, share pages.
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        phase INTEGER NOT NULL,
        token INTEGER NOT NULL,
        claim BLOB NOT NULL,
        -- Number of the opening in which the record was changed. A claim of an earlier one has
        -- ended with its process.
        boot INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        interrupted INTEGER NOT NULL,
        -- All times are microseconds since 1970.
        lease_end INTEGER NOT NULL,
        lease_length INTEGER NOT NULL,
        rest_end INTEGER NOT NULL,
        rest_length INTEGER NOT NULL,
        first_seen INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        -- NULL unless the inbox has accepted the event, and until it is done.
        accepted_at INTEGER,
        -- The time from which on a worker can claim the record. NULL unless it waits or runs.
        due INTEGER,
        lane TEXT,
        -- The time of the event, which orders its lane.
        occurred_at INTEGER,
        idempotency_key TEXT,
        -- NULL unless a body is kept.
        source TEXT,
        event_type TEXT,
        event_id TEXT,
        entity_id TEXT,
        consumer_id TEXT,
        context TEXT,
        error TEXT,
        dead_at INTEGER,
        -- Last, so that the other columns are found without reading it.
        body BLOB
    ) STRICT;
    CREATE INDEX apideck_hooks_records_expiry ON apideck_hooks_records (expires) WHERE body IS NULL;
    CREATE INDEX apideck_hooks_records_letters ON apideck_hooks_records (source, dead_at, key)
        WHERE dead_at IS NOT NULL;
    CREATE TABLE apideck_hooks_aliases (
        alias BLOB NOT NULL PRIMARY KEY,
        record BLOB NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX apideck_hooks_aliases_expiry ON apideck_hooks_aliases (expires);
";

/// The columns that version 2 does not have.
const COLUMNS_OF_3: &str = "
    ALTER TABLE apideck_hooks_records ADD COLUMN occurred_at INTEGER;
    ALTER TABLE apideck_hooks_records ADD COLUMN idempotency_key TEXT;
";

const INBOX: &str = "
    -- By name, so that names that are paused or not handled are not read.
    CREATE INDEX apideck_hooks_records_due ON apideck_hooks_records (source, event_type, due, id)
        WHERE due IS NOT NULL;
    CREATE INDEX apideck_hooks_records_lanes ON apideck_hooks_records (lane, occurred_at, accepted_at, id)
        WHERE due IS NOT NULL;
    CREATE INDEX apideck_hooks_records_running ON apideck_hooks_records (lane) WHERE due IS NOT NULL AND phase = 0;
    CREATE TABLE apideck_hooks_pauses (
        source TEXT NOT NULL,
        pattern TEXT NOT NULL,
        since INTEGER NOT NULL,
        PRIMARY KEY (source, pattern)
    ) STRICT, WITHOUT ROWID;
    UPDATE apideck_hooks_meta SET value = 3 WHERE name = 'schema';
";

/// The runs of an earlier opening have ended with their process.
const END_RUNS: &str = "
    UPDATE apideck_hooks_records SET due = CASE WHEN dead_at IS NULL THEN rest_end END
    WHERE due IS NOT NULL AND phase = 0";

/// Creates the tables in a new file, and refuses tables of another version. Returns the number of
/// this opening.
///
/// The version is in a table of the store's own. `PRAGMA user_version` and `application_id` belong
/// to the application whose tables share the file.
pub(super) async fn open(connection: &mut SqliteConnection) -> Result<i64, Failed> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS apideck_hooks_meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT;
        INSERT INTO apideck_hooks_meta VALUES ('schema', 0), ('boot', 0) ON CONFLICT DO NOTHING",
    )
    .execute(&mut *tx)
    .await?;
    let version = sqlx::query("SELECT value FROM apideck_hooks_meta WHERE name = 'schema'");
    match version.fetch_one(&mut *tx).await?.try_get(0)? {
        0 => {
            sqlx::raw_sql(TABLES).execute(&mut *tx).await?;
            sqlx::raw_sql(INBOX).execute(&mut *tx).await?;
        }
        2 => {
            sqlx::raw_sql(COLUMNS_OF_3).execute(&mut *tx).await?;
            sqlx::raw_sql(INBOX).execute(&mut *tx).await?;
        }
        VERSION => {}
        version => return Err(Failed::Other(refusal(version))),
    }
    let boot =
        sqlx::query("UPDATE apideck_hooks_meta SET value = value + 1 WHERE name = 'boot' RETURNING value");
    let boot = boot.fetch_one(&mut *tx).await?.try_get(0)?;
    sqlx::query(END_RUNS).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(boot)
}

fn refusal(version: i64) -> String {
    let advice = if version > VERSION {
        "a later release has written them; run that one, or use another file"
    } else {
        "they are older than the first release; drop the tables whose names start with `apideck_hooks_` to \
         start with empty ones, to which all events are new, or use another file"
    };
    format!("its tables have version {version}, and this release wanted version {VERSION}: {advice}")
}
