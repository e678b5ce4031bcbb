//! The statements, each one round trip. The database's clock is the only one: `clock_timestamp()`, read when a row is
//! changed, not when the statement began to wait for it.

use super::names::Names;
use crate::store::MAX_ALIASES;
use std::sync::Arc;

/// Filled in once: a statement is known to a connection by its text.
pub(super) struct Statements {
    pub(super) schema: Arc<str>,
    pub(super) claim: Arc<str>,
    /// The same, and on which backend.
    pub(super) claim_open: Arc<str>,
    pub(super) cancel: Arc<str>,
    pub(super) renew: Arc<str>,
    pub(super) done: Arc<str>,
    pub(super) release: Arc<str>,
    pub(super) dead: Arc<str>,
    pub(super) status: Arc<str>,
    pub(super) list_letters: Arc<str>,
    pub(super) get_letter: Arc<str>,
    pub(super) release_letter: Arc<str>,
    pub(super) purge_letter: Arc<str>,
    pub(super) sweep_records: Arc<str>,
    pub(super) sweep_aliases: Arc<str>,
}

/// What comes for the first time, as most does, takes one insert and nothing else: its token is the answer. All else is for
/// the function. The setting ends with the statement, so this is not for a transaction.
const CLAIM: &str = "
    WITH first AS (
        INSERT INTO {records} (record, delivery, state, token, attempt, keys, lease_until, created_at, changed_at)
        SELECT $1, $2, 'running', nextval('{tokens}'), 1, ($2 IS NOT NULL)::integer,
            clock_timestamp() + $3 * interval '1 microsecond', clock_timestamp(), clock_timestamp()
        WHERE NOT EXISTS (SELECT FROM {records} WHERE record = $1)
            AND set_config('lock_timeout', '5s', true) IS NOT NULL
        ON CONFLICT DO NOTHING
        RETURNING token::text
    )
    SELECT coalesce((SELECT token FROM first), {claim}($1, $2, $3, $4))";

const CLAIM_OPEN: &str = "SELECT {claim}($1, $2, $3, $4), pg_backend_pid()";

/// Within a claim.
const KEPT_BY_CLAIM: &str = "r.state = 'running' OR r.changed_at > l_now - l_retention";

const CANCEL: &str = "SELECT pg_cancel_backend($1)";

const RENEW: &str = "
    UPDATE {records} SET lease_until = clock_timestamp() + $3 * interval '1 microsecond'
    WHERE record = $1 AND token = $2 AND state = 'running'";

const DONE: &str = "
    UPDATE {records}
    SET state = 'done', changed_at = clock_timestamp(), lease_until = NULL, attempts = NULL, source = NULL,
        event_type = NULL, event_id = NULL, error = NULL, body = NULL
    WHERE record = $1 AND token = $2 AND state = 'running'";

const RELEASE: &str = "
    UPDATE {records} SET state = 'released', changed_at = clock_timestamp(), lease_until = NULL
    WHERE record = $1 AND token = $2 AND state = 'running'";

const DEAD: &str = "
    UPDATE {records}
    SET state = 'dead', changed_at = clock_timestamp(), lease_until = NULL, set_aside_at = clock_timestamp(),
        attempts = attempt, source = $3, event_type = $4, event_id = $5, error = $6, body = $7
    WHERE record = $1 AND token = $2 AND state = 'running'";

/// `$1` is the retention.
const KEPT: &str = "(state = 'running' OR changed_at > clock_timestamp() - $1 * interval '1 microsecond')";

const CLAIMABLE: &str = "(state <> 'running' OR lease_until <= clock_timestamp())";

const STATUS: &str = "
    SELECT state, token, attempt, (extract(epoch FROM lease_until - clock_timestamp()) * 1000000)::bigint
    FROM {records} WHERE record = $2 AND {kept}";

const LETTER: &str = "
    SELECT record, attempts, (extract(epoch FROM set_aside_at) * 1000000)::bigint, source, event_type, event_id, error,
        body
    FROM {records} WHERE error IS NOT NULL AND {kept}";

const LIST_LETTERS: &str = "{letter}
    AND ($2::bytea IS NULL
        OR (set_aside_at, record) < ('epoch'::timestamptz + $4::bigint * interval '1 microsecond', $2))
    ORDER BY set_aside_at DESC, record DESC LIMIT $3";

const GET_LETTER: &str = "{letter} AND record = $2";

const RELEASE_LETTER: &str = "
    UPDATE {records} SET state = 'released', attempt = 0, changed_at = clock_timestamp(), lease_until = NULL
    WHERE record = $2 AND error IS NOT NULL AND body IS NOT NULL AND {kept} AND {claimable} RETURNING 1";

/// Its delivery keys are free with it, those in rows of their own as well.
const PURGE_LETTER: &str = "
    DELETE FROM {records} WHERE record = $2 AND error IS NOT NULL AND {kept} AND {claimable} RETURNING 1";

/// A record is no younger than its last change, so the index on its making leads to all that are over; only those that
/// lived long before they were settled are looked at in vain. The array is made once: a plain sub-select with `LIMIT` may
/// run again for each row. What another sweeper holds is his.
const SWEEP_RECORDS: &str = "
    DELETE FROM {records} WHERE record = ANY (ARRAY (
        SELECT record FROM {records}
        WHERE created_at <= {cutoff} AND changed_at <= {cutoff} AND state NOT IN ('running', 'alias')
        ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )) RETURNING 1";

/// A further delivery key goes after its record, the first one with it.
const SWEEP_ALIASES: &str = "
    DELETE FROM {records} WHERE record = ANY (ARRAY (
        SELECT a.record FROM {records} a
        WHERE a.created_at <= {cutoff} AND a.state = 'alias'
            AND NOT EXISTS (SELECT FROM {records} r WHERE r.record = a.alias_of)
        ORDER BY a.created_at LIMIT $2 FOR UPDATE OF a SKIP LOCKED
    )) RETURNING 1";

/// As a sub-select it is read once, so that an index can be used.
const CUTOFF: &str = "(SELECT clock_timestamp() - $1 * interval '1 microsecond')";

impl Statements {
    pub(super) fn new(names: &Names) -> Self {
        let fill = |sql: &str| -> Arc<str> {
            let sql = sql
                .replace("{letter}", LETTER)
                .replace("{kept}", KEPT)
                .replace("{kept_by_claim}", KEPT_BY_CLAIM)
                .replace("{claimable}", CLAIMABLE)
                .replace("{cutoff}", CUTOFF)
                .replace("{max_keys}", &MAX_ALIASES.to_string());
            names.fill(&sql).into()
        };
        Statements {
            schema: fill(include_str!("schema.sql")),
            claim: fill(CLAIM),
            claim_open: fill(CLAIM_OPEN),
            cancel: fill(CANCEL),
            renew: fill(RENEW),
            done: fill(DONE),
            release: fill(RELEASE),
            dead: fill(DEAD),
            status: fill(STATUS),
            list_letters: fill(LIST_LETTERS),
            get_letter: fill(GET_LETTER),
            release_letter: fill(RELEASE_LETTER),
            purge_letter: fill(PURGE_LETTER),
            sweep_records: fill(SWEEP_RECORDS),
            sweep_aliases: fill(SWEEP_ALIASES),
        }
    }
}
