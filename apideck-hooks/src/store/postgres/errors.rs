//! The errors of statements.

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::store::StoreError;

/// The error of a pooler that runs another prepared statement than the one that was sent.
pub(super) fn mixes_statements_up() -> StoreError {
    StoreError::new(
        "a pooler between this process and PostgreSQL mixes prepared statements up, as PgBouncer before 1.21 does \
         in transaction mode. Nothing was changed. Connect to the server itself, or use `pool_mode = session`, or \
         PgBouncer 1.21 or later with `max_prepared_statements` greater than zero",
    )
}

/// Tells if the server has answered the statement. A connection that it closes has another error.
pub(super) fn is_answer(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    let error = error.try_downcast_ref::<PgDatabaseError>();
    error.is_some_and(|error| error.severity() == PgSeverity::Error)
}

/// Tells if another transaction was in the way. The statement can succeed when it is sent again.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("40001" | "40P01"))
}

/// Tells if another fetch or replay has taken a lane meanwhile. No other statement of the store can
/// meet a unique index.
pub(super) fn is_lane_taken(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("23505")
}

pub(super) fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Makes a readable error of a failed statement.
pub(super) fn explain(error: sqlx::Error) -> StoreError {
    match code(&error).as_deref() {
        // No such table, function, schema.
        Some("42P01" | "42883" | "3F000") => StoreError::new(format!(
            "{error}; was `PostgresStore::migrate` run for this schema and prefix?"
        )),
        Some("42501") => StoreError::new(format!(
            "{error}; the role needs USAGE of the schema, SELECT, INSERT, UPDATE and DELETE on its tables, and \
             EXECUTE on its functions"
        )),
        // Such a statement exists, exists not, or is another one of ours.
        Some("42P05" | "26000" | "AH001") => mixes_statements_up(),
        Some("08P01") if error.to_string().contains("bind message") => mixes_statements_up(),
        _ => StoreError::new(error),
    }
}
