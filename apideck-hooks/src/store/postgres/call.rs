//! A statement with its arguments.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, PgConnection, Postgres, Row, Type};

use super::errors::mixes_statements_up;
use super::statements::Statement;
use crate::store::StoreError;

/// A statement with its arguments.
#[derive(Clone)]
pub(super) struct Call {
    name: Arc<str>,
    sql: Arc<str>,
    number: i64,
    arguments: Result<PgArguments, Arc<str>>,
    /// It has the same answer if it is sent again.
    pub(super) repeatable: bool,
}

impl Call {
    pub(super) fn new(statement: &Statement) -> Self {
        /// Numbers the calls of this process.
        static NUMBER: AtomicI64 = AtomicI64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let call = Self {
            name: Arc::clone(&statement.name),
            sql: Arc::clone(&statement.sql),
            number,
            arguments: Ok(PgArguments::default()),
            repeatable: true,
        };
        call.bind(&*statement.name).bind(number)
    }

    /// Makes a call that must not be sent again after its connection broke.
    pub(super) fn once(statement: &Statement) -> Self {
        Self {
            repeatable: false,
            ..Self::new(statement)
        }
    }

    /// Adds the next argument.
    pub(super) fn bind<'q, T: Encode<'q, Postgres> + Type<Postgres>>(mut self, value: T) -> Self {
        if let Ok(arguments) = &mut self.arguments
            && let Err(error) = arguments.add(value)
        {
            self.arguments = Err(error.to_string().into());
        }
        self
    }

    /// Runs the statement. It must not be dropped half-way.
    pub(super) async fn run(&self, connection: &mut PgConnection) -> sqlx::Result<Vec<PgRow>> {
        let arguments = self.arguments.clone();
        let arguments = arguments.map_err(|error| sqlx::Error::Encode(BoxDynError::from(&*error)))?;
        let query = sqlx::query_with(AssertSqlSafe(Arc::clone(&self.sql)), arguments);
        query.fetch_all(connection).await
    }

    /// Checks that the rows are of this call. Their columns begin at 2.
    pub(super) fn check(&self, rows: Vec<PgRow>) -> Result<Vec<PgRow>, StoreError> {
        let mine = |row: &PgRow| {
            row.try_get(0).is_ok_and(|name: &str| name == &*self.name)
                && row.try_get(1).is_ok_and(|number: i64| number == self.number)
        };
        if rows.is_empty() || !rows.iter().all(mine) {
            return Err(mixes_statements_up());
        }
        Ok(rows)
    }
}
