//! The statements of the store.
//!
//! # How it works
//!
//! Each statement takes its own name as `$1` and a number of the call as `$2`. It changes and reads
//! nothing if `$1` is not its name, and returns its name and the number in every row. So a pooler
//! that runs another prepared statement than the one that was sent is noticed, and nothing
//! happened.
//!
//! The server's `clock_timestamp()` is the only clock. It is read when a row is changed, because
//! the statement may have waited for that row.

use std::sync::Arc;

use super::inbox_statements as inbox;
use super::names::Names;
use crate::store::{Grant, MAX_INTERRUPTED};

/// A statement and its name.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) name: Arc<str>,
    /// One text for all calls, because a connection knows a prepared statement by its text.
    pub(super) sql: Arc<str>,
}

/// All statements, with the names of the tables filled in.
pub(super) struct Statements {
    /// Creates the tables and functions. It is no prepared statement and has no name.
    pub(super) schema: Arc<str>,
    pub(super) exist: Statement,
    pub(super) version: Statement,
    pub(super) claim: Statement,
    /// The claim of a last delivery, with its letter.
    pub(super) claim_last: Statement,
    pub(super) replay: Statement,
    pub(super) renew: Statement,
    pub(super) finish: Statement,
    pub(super) finish_dead: Statement,
    /// The function that records the end in a handler's transaction.
    done: String,
    pub(super) status: Statement,
    pub(super) end_rest: Statement,
    pub(super) list: Statement,
    pub(super) count: Statement,
    pub(super) sources: Statement,
    pub(super) get: Statement,
    pub(super) purge: Statement,
    pub(super) sweep_records: Statement,
    pub(super) sweep_aliases: Statement,
    pub(super) accept: Statement,
    pub(super) fetch: Statement,
    /// Withdraws the claims of a fetch that failed.
    pub(super) give_back: Statement,
    pub(super) recover: Statement,
    pub(super) backlog: Statement,
    pub(super) stats: Statement,
    pub(super) waiting: Statement,
    pub(super) waiting_record: Statement,
    pub(super) pause: Statement,
    pub(super) resume: Statement,
    pub(super) paused: Statement,
    pub(super) notify: Statement,
    /// The channel of `notify`.
    pub(super) channel: String,
}

const EXIST: &str = "
    SELECT {head}, to_regclass('{records}') IS NOT NULL, to_regclass('{format}') IS NOT NULL WHERE {mine}";

const VERSION: &str = "
    SELECT {head}, (SELECT max(version) FROM {format}),
        {inbox_rights} AND has_table_privilege('{records}', 'SELECT') AND has_table_privilege('{records}', 'INSERT')
        AND has_table_privilege('{records}', 'UPDATE') AND has_table_privilege('{records}', 'DELETE')
        AND has_table_privilege('{aliases}', 'SELECT') AND has_table_privilege('{aliases}', 'INSERT')
        AND has_table_privilege('{aliases}', 'UPDATE') AND has_table_privilege('{aliases}', 'DELETE')
    WHERE {mine}";

const CLAIM: &str = "SELECT {head}, c.* FROM {claim}({mine}, $3, $4, $5, $6, $7, $8) c";

const CLAIM_LAST: &str = "
    SELECT {head}, c.* FROM {claim}(
        {mine}, $3, $4, $5, $6, $7, $8, NULL, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
    ) c";

const REPLAY: &str = "SELECT {head}, c.* FROM {claim}({mine}, $3, NULL, $4, $5, $6, $7, $8) c";

const RENEW: &str = "
    WITH renewed AS (
        UPDATE {records} SET
            lease_end = {now} + $6, lease_length = $6, expires = greatest(expires, {now} + $7)
        WHERE {mine} AND key = $3 AND token = $4 AND claim_id = $5 AND phase = 0 AND lease_end > 0
        RETURNING 1
    )
    SELECT {head}, EXISTS (SELECT FROM renewed)";

const FINISH: &str = "SELECT {head}, {finish}({mine}, $3, $4, $5, $6, $7, $8)";

const FINISH_DEAD: &str = "
    SELECT {head}, {finish}(
        {mine}, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17
    )";

/// Begins the handler's transaction with this number.
pub(super) fn begin_transaction(number: i64) -> String {
    format!(
        "BEGIN; SELECT set_config('apideck_hooks.transaction', '{number}', true), pg_advisory_xact_lock('{number}')"
    )
}

const STATUS: &str = "
    SELECT {head}, {now}, k.* FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT {columns} FROM {records} k WHERE {mine} AND k.key = $3
    ) k ON true";

const END_REST: &str = "
    WITH ended AS (
        UPDATE {records} SET rest_end = 0, rest_length = 0,
            due = CASE WHEN accepted_at IS NOT NULL THEN least(accepted_at, {now}) END
        WHERE {mine} AND key = $3 AND dead_at IS NULL AND (accepted_at IS NOT NULL OR expires > {now})
            AND phase NOT IN (1, 3) AND NOT (phase = 0 AND least(lease_end - {now}, lease_length) > 0)
            AND least(rest_end - {now}, rest_length) > 0
        RETURNING 1
    )
    SELECT {head}, EXISTS (SELECT FROM ended)";

const LIST: &str = "
    SELECT {head}, l.* FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT {letter} FROM {records} k
        WHERE {mine} AND {matches} AND ($7::bigint IS NULL OR (k.dead_at, k.key) < ($7, $8))
        ORDER BY k.dead_at DESC, k.key DESC LIMIT $9
    ) l ON true";

const COUNT: &str = "SELECT {head}, count(*) FROM {records} k WHERE {mine} AND {matches}";

const MATCHES: &str = "k.source = $3 AND k.dead_at IS NOT NULL AND k.dead_at >= $5 AND k.dead_at < $6
    AND ($4::text IS NULL OR {matched})";

/// The name of the record `k` matches the pattern `$4`.
const MATCHED: &str = "CASE WHEN right($4, 1) = '*'
                THEN starts_with(k.event_type, left($4, -1)) ELSE k.event_type = $4 END";

const SOURCES: &str = "
    SELECT {head}, l.* FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT k.source, count(*) FROM {records} k WHERE {mine} AND k.dead_at IS NOT NULL
        GROUP BY k.source ORDER BY k.source
    ) l ON true";

const GET: &str = "
    SELECT {head}, l.* FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT {letter} FROM {records} k
        WHERE {mine} AND k.key = $4 AND k.source = $3 AND k.dead_at IS NOT NULL
    ) l ON true";

const PURGE: &str = "SELECT {head}, {purge}({mine}, $3, $4, $5)";

/// A record is not younger than the time at which it was first seen. So the index on that time
/// leads to all expired ones. The array is made once: a sub-select with `LIMIT` may run again for
/// each row. A row that another sweeper has locked is left to it.
const SWEEP_RECORDS: &str = "
    WITH swept AS (
        DELETE FROM {records} WHERE {mine} AND key = ANY (ARRAY (
            SELECT k.key FROM {records} k
            WHERE k.body IS NULL AND k.first_seen <= (SELECT {now} - $3) AND k.expires <= (SELECT {now})
            ORDER BY k.first_seen LIMIT $4 FOR UPDATE SKIP LOCKED
        )) RETURNING phase
    )
    SELECT {head}, count(*), count(*) FILTER (WHERE phase = 0) FROM swept";

const SWEEP_ALIASES: &str = "
    WITH swept AS (
        DELETE FROM {aliases} WHERE {mine} AND alias = ANY (ARRAY (
            SELECT a.alias FROM {aliases} a WHERE a.expires <= (SELECT {now})
            ORDER BY a.expires LIMIT $3 FOR UPDATE SKIP LOCKED
        )) RETURNING 1
    )
    SELECT {head}, count(*) FROM swept";

const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// Columns of a record. The first ones are those of [`Record`](crate::store::record::Record).
const COLUMNS: &str = "k.phase, k.token, k.claim_id, k.attempts, k.interrupted, k.lease_end, k.lease_length,
    k.rest_end, k.rest_length, k.first_seen, k.expires, k.dead_at IS NOT NULL AS kept,
    k.accepted_at IS NOT NULL AS accepted, k.source, k.dead_at, k.lane";

/// Columns of a dead letter.
const LETTER: &str = "k.key, k.dead_at, k.attempts,
    k.phase = 0 AND least(k.lease_end - {now}, k.lease_length) > 0 AS running,
    k.source, k.event_type, k.event_id, k.entity_id, k.consumer_id, k.context, k.error, k.body";

const NO_LETTER: &str = "source = NULL, event_type = NULL, event_id = NULL, entity_id = NULL,
    consumer_id = NULL, context = NULL, error = NULL, body = NULL, dead_at = NULL, accepted_at = NULL,
    due = NULL, lane = NULL, occurred_at = NULL, idempotency_key = NULL, held_lane = NULL";

/// In a function with the parameters `p_source` and `p_most`.
const ROOM: &str = "(SELECT count(*) < p_most FROM (
        SELECT FROM {records} c WHERE c.source = p_source AND c.dead_at IS NOT NULL LIMIT p_most
    ) c)";

/// In a function with the parameter `p_alias`.
const BOUND: &str = "SELECT a.record, a.expires INTO l_bound, l_until FROM {aliases} a
    WHERE a.alias = p_alias AND a.expires > l_now AND EXISTS (
        SELECT FROM {records} k
        WHERE k.key = a.record AND (k.body IS NOT NULL OR k.expires > l_now)
    );";

/// In a function with the parameter `p_rest`: it replaces the rest since the claim. That of an
/// accepted event is only for a run without an end.
const ASKED: &str =
    "(k.accepted_at IS NOT NULL OR p_rest > greatest(0, least(k.rest_end - {now}, k.rest_length)))";

const WAITS: &str = "k.accepted_at IS NOT NULL AND k.dead_at IS NULL";

/// The time from which on an event without a rest is due. The clock may have been set back.
const SINCE: &str = "least(k.accepted_at, {now})";

impl Statements {
    pub(super) fn new(names: &Names) -> Self {
        let fill = |sql: &str| fill(names, sql);
        let statement = |name: &str, sql: &str| {
            let name = names.of_statement(name);
            let sql = sql
                .replace("{head}", &format!("'{name}'::text, $2::bigint"))
                .replace("{mine}", &format!("$1 = '{name}'"));
            Statement {
                sql: fill(&sql).into(),
                name: name.into(),
            }
        };
        Self {
            schema: fill(include_str!("schema.sql")).into(),
            exist: statement("exist", EXIST),
            version: statement("version", VERSION),
            claim: statement("claim", CLAIM),
            claim_last: statement("claim_last", CLAIM_LAST),
            replay: statement("replay", REPLAY),
            renew: statement("renew", RENEW),
            finish: statement("finish", FINISH),
            finish_dead: statement("finish_dead", FINISH_DEAD),
            done: fill("{done}"),
            status: statement("status", STATUS),
            end_rest: statement("end_rest", END_REST),
            list: statement("list", LIST),
            count: statement("count", COUNT),
            sources: statement("sources", SOURCES),
            get: statement("get", GET),
            purge: statement("purge", PURGE),
            sweep_records: statement("sweep_records", SWEEP_RECORDS),
            sweep_aliases: statement("sweep_aliases", SWEEP_ALIASES),
            accept: statement("accept", inbox::ACCEPT),
            fetch: statement("fetch", inbox::FETCH),
            give_back: statement("give_back", inbox::GIVE_BACK),
            recover: statement("recover", inbox::RECOVER),
            backlog: statement("backlog", inbox::BACKLOG),
            stats: statement("stats", inbox::STATS),
            waiting: statement("waiting", inbox::WAITING),
            waiting_record: statement("waiting_record", inbox::WAITING_RECORD),
            pause: statement("pause", inbox::PAUSE),
            resume: statement("resume", inbox::RESUME),
            paused: statement("paused", inbox::PAUSED),
            notify: statement("notify", inbox::NOTIFY),
            channel: names.channel(),
        }
    }

    /// Records the end of the run in the transaction with this number, and commits it, in one
    /// message. Its one row has the number.
    pub(super) fn end_transaction(&self, number: i64, grant: Grant, keep: i64) -> String {
        let Grant {
            record, token, id, ..
        } = grant;
        format!(
            "SELECT {}('{number}', decode('{record}', 'hex'), '{}', decode('{id:?}', 'hex'), '{keep}'); COMMIT AND CHAIN",
            self.done, token.0
        )
    }
}

/// Fills in the parts of a statement and the names of the tables.
fn fill(names: &Names, sql: &str) -> String {
    let sql = inbox::fill(sql)
        .replace("{tables}", include_str!("tables.sql"))
        .replace("{bind}", include_str!("bind.sql"))
        .replace("{bound}", BOUND)
        .replace("{asked}", ASKED)
        .replace("{waits}", WAITS)
        .replace("{since}", SINCE)
        .replace("{matches}", MATCHES)
        .replace("{matched}", MATCHED)
        .replace("{columns}", COLUMNS)
        .replace("{letter}", LETTER)
        .replace("{no_letter}", NO_LETTER)
        .replace("{room}", ROOM)
        .replace("{now}", NOW)
        .replace("{interrupted}", &MAX_INTERRUPTED.to_string());
    names.fill(&sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name is in the answer, and it is what `$1` is compared with.
    #[test]
    fn every_statement_checks_its_name_and_returns_it() {
        let s = Statements::new(&Names::default());
        let all = [
            &s.exist,
            &s.version,
            &s.claim,
            &s.claim_last,
            &s.replay,
            &s.renew,
            &s.finish,
            &s.finish_dead,
            &s.status,
            &s.end_rest,
            &s.list,
            &s.count,
            &s.sources,
            &s.get,
            &s.purge,
            &s.sweep_records,
            &s.sweep_aliases,
            &s.accept,
            &s.fetch,
            &s.give_back,
            &s.recover,
            &s.backlog,
            &s.stats,
            &s.waiting,
            &s.waiting_record,
            &s.pause,
            &s.resume,
            &s.paused,
            &s.notify,
        ];
        for Statement { name, sql } in all {
            assert!(sql.contains(&format!(" '{name}'::text, $2::bigint")), "{sql}");
            assert!(sql.contains(&format!("$1 = '{name}'")), "{sql}");
            assert!(!sql.contains('{'), "{sql}");
        }
        assert!(!s.schema.contains('{'), "{}", s.schema);
    }
}
