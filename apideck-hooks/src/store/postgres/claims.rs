//! The arguments and answers of claims and ends.

use std::time::Duration;

use sqlx::postgres::PgRow;

use super::call::Call;
use super::limits::RecordLimits;
use super::row::{count, get, key, length, token, unexpected};
use super::running::Withdrawal;
use super::statements::Statements;
use super::text::escape;
use crate::delivery::Key;
use crate::store::record::{Stage, micros};
use crate::store::{Acceptance, Claim, Claimed, DeadLetter, End, Fetch, Grant, StoreError, Verdict};

/// Times of any length, in microseconds.
pub(super) fn time(length: Duration) -> i64 {
    i64::try_from(micros(length)).unwrap_or(i64::MAX)
}

pub(super) fn claim(statements: &Statements, claim: &Claim, limits: RecordLimits) -> Call {
    let last = claim.last.as_deref();
    let statement = if last.is_some() {
        &statements.claim_last
    } else {
        &statements.claim
    };
    let call = Call::new(statement)
        .bind(claim.event.to_bytes())
        .bind(claim.alias.map(Key::to_bytes));
    let call = lease(call, claim, limits);
    match last {
        Some(last) => {
            let call = call.bind(time(last.min_age)).bind(most(limits));
            letter(call, &last.letter)
        }
        None => call,
    }
}

pub(super) fn replay(statements: &Statements, source: &str, claim: &Claim, limits: RecordLimits) -> Call {
    let call = Call::new(&statements.replay).bind(claim.event.to_bytes());
    lease(call, claim, limits).bind(escape(source))
}

fn lease(call: Call, claim: &Claim, limits: RecordLimits) -> Call {
    call.bind(claim.id.to_bytes())
        .bind(time(claim.lease))
        .bind(time(claim.lease.saturating_add(limits.retention)))
        .bind(claim.rests.all().map(time))
}

fn most(limits: RecordLimits) -> i64 {
    i64::try_from(limits.letters).unwrap_or(i64::MAX)
}

fn letter(call: Call, letter: &DeadLetter) -> Call {
    event(call, letter).bind(escape(&letter.error)).bind(body(letter))
}

/// The columns of a kept event, without an error and the body.
fn event(call: Call, kept: &DeadLetter) -> Call {
    call.bind(escape(&kept.source))
        .bind(escape(&kept.event_type))
        .bind(escape(&kept.event_id))
        .bind(escape(&kept.entity_id))
        .bind(escape(&kept.consumer_id))
        .bind(kept.context.to_json())
}

/// `None` for a body that the store has no room for.
fn body(kept: &DeadLetter) -> Option<&[u8]> {
    (kept.body.len() <= DeadLetter::MAX_BODY).then_some(&*kept.body)
}

pub(super) fn accept(statements: &Statements, acceptance: &Acceptance, limits: RecordLimits) -> Call {
    let call = Call::new(&statements.accept)
        .bind(acceptance.event.to_bytes())
        .bind(acceptance.alias.map(Key::to_bytes))
        .bind(time(limits.retention))
        .bind(acceptance.lane.map(|lane| lane.to_string()))
        .bind(acceptance.occurred_at)
        .bind(acceptance.idempotency_key.as_deref().map(escape));
    event(call, &acceptance.kept).bind(body(&acceptance.kept))
}

/// Claims due records of these names, which the workers handle.
pub(super) fn fetch(
    statements: &Statements,
    fetch: &Fetch,
    names: &[String],
    limit: u32,
    limits: RecordLimits,
) -> Call {
    let names: Vec<_> = names.iter().map(|name| escape(name)).collect();
    Call::once(&statements.fetch)
        .bind(escape(&fetch.source))
        .bind(names)
        .bind(fetch.id.to_bytes())
        .bind(i32::try_from(limit).unwrap_or(i32::MAX))
        .bind(time(fetch.lease))
        .bind(time(fetch.lease.saturating_add(limits.retention)))
        .bind(fetch.rests.all().map(time))
        .bind(fetch.ordered)
}

/// Reads the answer to a claim. `None` if it has no verdict, because there is no letter to replay.
pub(super) fn claimed(row: &PgRow) -> Result<Option<Claimed>, StoreError> {
    let Some(verdict) = get::<Option<&str>>(row, 2)? else {
        return Ok(None);
    };
    let kept = get(row, 7)?;
    let verdict = match verdict {
        "granted" => Verdict::Granted {
            token: token(row, 4)?,
            attempt: count(row, 5)?,
        },
        "running" => Verdict::Running {
            lease_left: length(row, 6)?,
            kept,
        },
        "resting" => Verdict::Resting {
            left: length(row, 6)?,
        },
        "done" => Verdict::Done,
        "dead" => Verdict::Dead { kept },
        "accepted" => Verdict::Accepted,
        _ => return Err(unexpected()),
    };
    Ok(Some(Claimed::new(key(row, 3)?, verdict).lettered(get(row, 8)?)))
}

/// The withdrawal of this claim, if it is granted although its caller is gone.
pub(super) fn withdrawal(statements: &Statements, claim: &Claim, limits: RecordLimits) -> Withdrawal {
    let id = claim.id;
    // The statement is made here, because the answer comes when the store may be gone.
    let withdraw = Call::new(&statements.finish);
    Withdrawal {
        id,
        call: Box::new(move |rows| {
            let claimed = claimed(rows.first()?).ok()??;
            let Verdict::Granted { token, .. } = claimed.verdict else {
                return None;
            };
            grant_and_end(
                withdraw,
                Grant::new(claimed.record, token, id),
                &End::Withdraw,
                limits,
            )
        }),
    }
}

/// Ends a run. `None` for a token that no store has given.
pub(super) fn finish(statements: &Statements, grant: Grant, end: &End, limits: RecordLimits) -> Option<Call> {
    let End::Dead { letter: dead, began } = end else {
        return grant_and_end(Call::new(&statements.finish), grant, end, limits);
    };
    let call = held(Call::new(&statements.finish_dead), grant)?
        .bind(Stage::after(end) as i16)
        .bind(time(limits.retention))
        .bind(*began)
        .bind(most(limits));
    Some(letter(call, dead))
}

fn grant_and_end(call: Call, grant: Grant, end: &End, limits: RecordLimits) -> Option<Call> {
    let rest = match end {
        End::Release { rest } => time(*rest),
        _ => 0,
    };
    let call = held(call, grant)?.bind(Stage::after(end) as i16);
    Some(call.bind(time(limits.retention)).bind(rest))
}

/// A statement on the record of a grant. `None` for a token that no store has given.
pub(super) fn held(call: Call, grant: Grant) -> Option<Call> {
    let token = i64::try_from(grant.token.0).ok()?;
    let call = call.bind(grant.record.to_bytes()).bind(token);
    Some(call.bind(grant.id.to_bytes()))
}
