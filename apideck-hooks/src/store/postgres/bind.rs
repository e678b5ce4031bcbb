//! Binding a letter to a statement.

use crate::store::DeadLetter;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

/// The letter, as the statement takes it. PostgreSQL's text holds no NUL: the body, which is bytes, has it all.
pub(super) fn letter<'q>(
    query: Query<'q, Postgres, PgArguments>,
    letter: &'q DeadLetter,
) -> Query<'q, Postgres, PgArguments> {
    let text = |text: &str| text.replace('\0', "\u{fffd}");
    query
        .bind(text(&letter.source))
        .bind(text(&letter.event_type))
        .bind(text(&letter.event_id))
        .bind(text(&letter.error))
        .bind(letter.body.as_deref())
}
