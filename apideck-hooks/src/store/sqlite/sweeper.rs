//! Deletes expired rows.

use sqlx::Row as _;

use super::database::Failed;
use super::writer::Writer;
use crate::store::record::Stage;

/// Limit of the rows of each table that are deleted at once.
const ROWS: i64 = 500;

const RECORDS: &str = "
    DELETE FROM apideck_hooks_records WHERE id IN (
        SELECT id FROM apideck_hooks_records WHERE body IS NULL AND expires <= ?1 ORDER BY expires LIMIT ?2
    ) RETURNING phase";
const ALIASES: &str = "
    DELETE FROM apideck_hooks_aliases WHERE alias IN (
        SELECT alias FROM apideck_hooks_aliases WHERE expires <= ?1 ORDER BY expires LIMIT ?2
    ) RETURNING 0";

impl Writer {
    /// Deletes some expired records and aliases. Returns `true` if there can be more.
    pub(super) async fn sweep(&mut self) -> bool {
        match self.try_sweep().await {
            Ok(more) => more,
            Err(failed) => {
                let error = self.database.explain(&failed);
                tracing::warn!(error, "expired records could not be deleted");
                self.roll_back().await;
                false
            }
        }
    }

    async fn try_sweep(&mut self) -> Result<bool, Failed> {
        self.connect().await?;
        let Some(connection) = &mut self.connection else {
            return Ok(false);
        };
        self.database.check()?;
        self.log.check()?;
        let now = i64::try_from(super::now()).unwrap_or(i64::MAX);
        let (mut unfinished, mut more) = (0, false);
        for table in [RECORDS, ALIASES] {
            let deleted = sqlx::query(table).bind(now).bind(ROWS);
            let deleted = deleted.fetch_all(&mut **connection).await?;
            more |= i64::try_from(deleted.len()).is_ok_and(|deleted| deleted >= ROWS);
            for row in deleted {
                let running = table == RECORDS && row.try_get::<i64, _>(0)? == Stage::Running as i64;
                unfinished += u64::from(running);
            }
        }
        self.unfinished.add(unfinished);
        if unfinished > 0 {
            tracing::warn!(
                records = unfinished,
                "deleted the records of runs that had no end and whose events did not come again"
            );
        }
        Ok(more)
    }
}
