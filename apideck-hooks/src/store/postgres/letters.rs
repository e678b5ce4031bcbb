//! The dead letters. A letter is in the row of its record.

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::call::Call;
use super::claims::{claimed, replay, time};
use super::row::{count, get, key, number, present, unexpected};
use super::statements::Statement;
use super::text::{escape, unescape};
use crate::delivery::{Context, Key};
use crate::store::{
    Claim, Cursor, DeadLetter, DeadLetterStore, DeadRecord, LetterFilter, Purged, StoreError, Verdict,
};

#[async_trait]
impl DeadLetterStore for PostgresStore {
    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<DeadRecord>, StoreError> {
        let call = matching(&self.connections.statements().list, source, filter)
            .bind(before.map(|before| before.at))
            .bind(before.map(|before| before.record.to_bytes()))
            .bind(i64::from(limit));
        let rows = self.connections.call(call).await?;
        let present = present(&rows)?;
        present.map(letter).collect()
    }

    async fn count(&self, source: &str, filter: &LetterFilter) -> Result<u64, StoreError> {
        let call = matching(&self.connections.statements().count, source, filter);
        number(&self.connections.call(call).await?[0], 2)
    }

    async fn sources(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let call = Call::new(&self.connections.statements().sources);
        let rows = self.connections.call(call).await?;
        let source = |row| Ok((unescape(get(row, 2)?), number(row, 3)?));
        let present = present(&rows)?;
        present.map(source).collect()
    }

    async fn get(&self, source: &str, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        let call = Call::new(&self.connections.statements().get)
            .bind(escape(source))
            .bind(record.to_bytes());
        let rows = self.connections.call(call).await?;
        let mut present = present(&rows)?;
        present.next().map(letter).transpose()
    }

    async fn replay(&self, source: &str, claim: Claim) -> Result<Option<Verdict>, StoreError> {
        let statements = self.connections.statements();
        let call = replay(statements, source, &claim, self.limits);
        let rows = self.granting(&claim, call).await?;
        Ok(claimed(&rows[0])?.map(|claimed| claimed.verdict))
    }

    async fn purge(&self, source: &str, record: Key) -> Result<Purged, StoreError> {
        let call = Call::new(&self.connections.statements().purge)
            .bind(escape(source))
            .bind(record.to_bytes())
            .bind(time(self.limits.retention));
        match get(&self.connections.call(call).await?[0], 2)? {
            0 => Ok(Purged::Unknown),
            1 => Ok(Purged::Yes),
            2 => Ok(Purged::Busy),
            _ => Err(unexpected()),
        }
    }
}

fn matching(statement: &Statement, source: &str, filter: &LetterFilter) -> Call {
    let (first, end) = filter.microseconds();
    Call::new(statement)
        .bind(escape(source))
        .bind(filter.event_type.as_deref().map(escape))
        .bind(first)
        .bind(end)
}

fn letter(row: &PgRow) -> Result<DeadRecord, StoreError> {
    let text = |column| get(row, column).map(unescape);
    let letter = DeadLetter::new(text(6)?, get::<Vec<u8>>(row, 13)?)
        .event(text(7)?, text(8)?, text(9)?, text(10)?)
        .context(Context::from_json(get(row, 11)?))
        .error(text(12)?);
    Ok(DeadRecord::new(
        key(row, 2)?,
        get(row, 3)?,
        count(row, 4)?,
        get(row, 5)?,
        letter,
    ))
}
