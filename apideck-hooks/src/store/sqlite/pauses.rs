//! The pauses of accepted events.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::batch::{Batch, PauseChange};
use super::database::Failed;
use crate::store::Pause;

const LOAD: &str = "SELECT pattern, since FROM apideck_hooks_pauses WHERE source = ?1 ORDER BY pattern";
const BEGIN: &str = "INSERT INTO apideck_hooks_pauses (source, pattern, since) VALUES (?1, ?2, ?3)
    ON CONFLICT DO NOTHING";

/// Adds the time of a pause to the begin of the first runs. Time that another pause of the same
/// events counts is left to that one. A pattern has no other character with a meaning for `GLOB`
/// than its last `*`.
const SHIFT: &str = "
    UPDATE apideck_hooks_records AS r SET first_seen = first_seen + max(0, min(?3, ifnull((
        SELECT min(since) FROM apideck_hooks_pauses AS other
        WHERE other.source = ?1 AND other.pattern <> ?2 AND r.event_type GLOB other.pattern
    ), ?3)) - max(first_seen, (SELECT since FROM apideck_hooks_pauses WHERE source = ?1 AND pattern = ?2)))
    WHERE source = ?1 AND due IS NOT NULL AND dead_at IS NULL AND attempts > 0 AND event_type GLOB ?2";
const END: &str = "DELETE FROM apideck_hooks_pauses WHERE source = ?1 AND pattern = ?2";

impl Batch {
    /// Begins or ends a pause. Returns `false` if nothing has to be changed.
    pub(super) fn change_pause(&mut self, source: &str, pattern: &str, paused: bool) -> bool {
        let pauses = self.paused.entry(source.to_owned()).or_default();
        let before = pauses.iter().position(|pause| pause.pattern == pattern);
        match before {
            None if paused => pauses.push(Pause::new(pattern, Duration::ZERO)),
            Some(at) if !paused => {
                pauses.remove(at);
            }
            _ => return false,
        }
        self.pauses.push(PauseChange {
            source: source.to_owned(),
            pattern: pattern.to_owned(),
            paused,
        });
        true
    }

    pub(super) async fn save_pauses(&self, connection: &mut SqliteConnection) -> Result<(), Failed> {
        let now = i64::try_from(self.now).unwrap_or(i64::MAX);
        for change in &self.pauses {
            let statements: &[&'static str] = if change.paused { &[BEGIN] } else { &[SHIFT, END] };
            for statement in statements {
                let query = sqlx::query(*statement)
                    .bind(change.source.as_str())
                    .bind(change.pattern.as_str())
                    .bind(now);
                query.execute(&mut *connection).await?;
            }
        }
        Ok(())
    }
}

/// Reads the pauses of a source.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    source: &str,
    now: u64,
) -> Result<Vec<Pause>, Failed> {
    let rows = sqlx::query(LOAD).bind(source).fetch_all(connection).await?;
    let pause = |row: &SqliteRow| {
        let since = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
        let pattern: String = row.try_get(0)?;
        Ok(Pause::new(
            pattern,
            Duration::from_micros(now.saturating_sub(since)),
        ))
    };
    rows.iter().map(pause).collect()
}
