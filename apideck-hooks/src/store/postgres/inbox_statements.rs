//! The texts of the inbox's statements. Those of `statements` are filled in the same way.

/// Fills in the parts of this file.
pub(super) fn fill(sql: &str) -> String {
    let function = include_str!("inbox.sql");
    let sql = sql
        .replace("{inbox_tables}", include_str!("inbox_tables.sql"))
        .replace("{inbox}", &parts(function, "l_now", "p_source"))
        .replace("{inbox_rights}", RIGHTS);
    parts(&sql, "(SELECT {now})", "$3")
}

/// Fills in the conditions, with texts for the time and the source.
fn parts(sql: &str, now: &str, source: &str) -> String {
    sql.replace("{can_run}", CAN_RUN)
        .replace("{due_in}", DUE_IN)
        .replace("{first}", FIRST)
        .replace("{lose}", LOSE)
        .replace("{running}", RUNNING)
        .replace("{names}", NAMES)
        .replace("{paused}", IS_PAUSED)
        .replace("{no_claim}", "'\\x00000000000000000000000000000000'::bytea")
        .replace("{at}", now)
        .replace("{of_source}", source)
}

/// The tables may be of the format before, which has none of these.
const RIGHTS: &str = "coalesce(
            has_table_privilege(to_regclass('{pauses}'), 'SELECT')
            AND has_table_privilege(to_regclass('{pauses}'), 'INSERT')
            AND has_table_privilege(to_regclass('{pauses}'), 'DELETE')
            AND has_table_privilege(to_regclass('{progress}'), 'SELECT')
            AND has_table_privilege(to_regclass('{progress}'), 'INSERT')
            AND has_table_privilege(to_regclass('{progress}'), 'UPDATE'), false)";

/// The record `k` runs, and its lease has not ended.
const RUNNING: &str = "(k.phase = 0 AND least(k.lease_end - {at}, k.lease_length) > 0)";

/// The time until the record `k` is due.
const DUE_IN: &str =
    "CASE WHEN {running} THEN 0 ELSE greatest(0, least(k.rest_end - {at}, k.rest_length)) END";

/// The run of the record `k`, whose lease is over, ends and leaves its lane. So it cannot be
/// renewed beside the next run of the lane.
const LOSE: &str = "held_lane = NULL,
                phase = CASE WHEN k.phase <> 0 THEN k.phase WHEN k.dead_at IS NULL THEN 2 ELSE 3 END,
                due = CASE WHEN k.phase = 0 AND {waits}
                    THEN greatest({since}, least(k.rest_end, {at} + k.rest_length)) ELSE k.due END";

/// The record `k` waits and is due.
const CAN_RUN: &str = "k.due <= {at} AND k.dead_at IS NULL AND NOT {running}
                AND least(k.rest_end - {at}, k.rest_length) <= 0";

/// The record `k` is the first of its lane, and the lane is free.
const FIRST: &str = "NOT EXISTS (
                    SELECT FROM {records} b
                    WHERE b.source = k.source AND b.lane = k.lane AND b.due IS NOT NULL AND b.dead_at IS NULL
                        AND (b.occurred_at, b.accepted_at, b.key) < (k.occurred_at, k.accepted_at, k.key)
                ) AND NOT EXISTS (
                    SELECT FROM {records} b WHERE b.held_lane = k.lane AND b.phase = 0
                        AND least(b.lease_end - {at}, b.lease_length) > 0
                )";

/// The name `n` is paused by `p`.
const IS_PAUSED: &str = "CASE WHEN right(p.pattern, 1) = '*'
            THEN starts_with(n.name, left(p.pattern, -1)) ELSE n.name = p.pattern END";

/// The names of the events that wait, each by one step in the index.
const NAMES: &str = "
        WITH RECURSIVE names (name) AS (
            (
                SELECT k.event_type FROM {records} k WHERE k.source = {of_source} AND k.due IS NOT NULL
                ORDER BY k.event_type LIMIT 1
            )
            UNION ALL
            SELECT (
                SELECT k.event_type FROM {records} k
                WHERE k.source = {of_source} AND k.due IS NOT NULL AND k.event_type > names.name
                ORDER BY k.event_type LIMIT 1
            ) FROM names WHERE names.name IS NOT NULL
        )
        SELECT names.name FROM names WHERE names.name IS NOT NULL LIMIT 1000";

pub(super) const ACCEPT: &str = "
    SELECT {head}, a.* FROM {accept}({mine}, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) a";

pub(super) const FETCH: &str = "
    SELECT {head}, f.* FROM {fetch}({mine}, $3, $4, $5, $6, $7, $8, $9, $10) f";

/// Withdraws the claims with this id, except those of these records.
pub(super) const GIVE_BACK: &str = "
    WITH given AS (
        UPDATE {records} k SET
            phase = 4, attempts = greatest(k.attempts - 1, 0), rest_end = 0, rest_length = 0,
            due = {since}, held_lane = NULL
        WHERE {mine} AND k.source = $3 AND k.due IS NOT NULL AND k.dead_at IS NULL AND k.phase = 0
            AND k.claim_id = $4 AND k.key <> ALL ($5)
        RETURNING 1
    )
    SELECT {head}, count(*) FROM given";

/// A run whose lease has ended waits again, or is dead. Times that are too far ahead, because the
/// clock was set back, are cut. The replay of a letter leaves its lane, and its letter stays.
pub(super) const RECOVER: &str = "
    WITH wanted AS (
        SELECT k.key, k.phase = 0 AND NOT {running} AS lost FROM {records} k
        WHERE {mine} AND k.source = $3 AND k.due IS NOT NULL AND k.dead_at IS NULL AND (
            k.phase = 0 AND (NOT {running} OR k.lease_end > {at} + k.lease_length)
            OR k.rest_end > {at} + k.rest_length
            OR k.due > {at} + greatest(0, least(k.rest_end - {at}, k.rest_length))
        ) LIMIT $6 FOR UPDATE SKIP LOCKED
    ), recovered AS (
        UPDATE {records} k SET
            phase = CASE WHEN NOT w.lost THEN k.phase WHEN k.attempts < $4 THEN 2 ELSE 3 END,
            lease_end = least(k.lease_end, {at} + k.lease_length),
            rest_end = least(k.rest_end, {at} + k.rest_length),
            due = CASE WHEN NOT w.lost
                THEN least(k.due, {at} + greatest(0, least(k.rest_end - {at}, k.rest_length)))
                WHEN k.attempts < $4
                THEN greatest({since}, least(k.rest_end, {at} + k.rest_length)) END,
            dead_at = CASE WHEN w.lost AND k.attempts >= $4 THEN {at} END,
            error = CASE WHEN w.lost AND k.attempts >= $4 THEN $5 END,
            held_lane = CASE WHEN NOT w.lost THEN k.held_lane END
        FROM wanted w WHERE k.key = w.key RETURNING w.lost, k.phase
    ), replayed AS (
        UPDATE {records} k SET
            held_lane = CASE WHEN {running} THEN k.held_lane END,
            lease_end = least(k.lease_end, {at} + k.lease_length)
        WHERE k.key = ANY (ARRAY (
            SELECT k.key FROM {records} k
            WHERE {mine} AND k.source = $3 AND k.held_lane IS NOT NULL AND k.dead_at IS NOT NULL
                AND (NOT {running} OR k.lease_end > {at} + k.lease_length)
            LIMIT $6 FOR UPDATE SKIP LOCKED
        ))
    )
    SELECT {head}, count(*) FILTER (WHERE lost AND phase = 2), count(*) FILTER (WHERE lost AND phase = 3),
        count(*) FILTER (WHERE NOT lost)
    FROM recovered";

/// The stalled ones are looked for only if no worker has fetched any event for as long.
pub(super) const BACKLOG: &str = "
    SELECT {head}, (SELECT count(*) FROM {records} k WHERE {mine} AND k.source = $3 AND k.due IS NOT NULL),
        (SELECT count(*) FROM (
            SELECT FROM {records} k WHERE {mine} AND k.source = $3 AND k.dead_at IS NOT NULL LIMIT $4
        ) letters),
        CASE WHEN {mine} AND NOT EXISTS (
            SELECT FROM {progress} p WHERE p.source = $3 AND p.fetched_at > {now} - $5
        ) THEN EXISTS (
            SELECT FROM unnest(ARRAY ({names})) n (name)
            WHERE NOT EXISTS (SELECT FROM {pauses} p WHERE p.source = $3 AND {paused}) AND EXISTS (
                SELECT FROM {records} k WHERE k.source = $3 AND k.event_type = n.name AND {can_run}
                    AND k.attempts = 0 AND k.accepted_at <= (SELECT {now}) - $5
                    AND (k.lane IS NULL OR {first})
            )
        ) ELSE false END";

/// The counts of each name. A run whose lease has ended waits.
pub(super) const STATS: &str = "
    SELECT {head}, s.*, {now} FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT w.event_type, count(*) FILTER (WHERE w.running), count(*) FILTER (WHERE NOT w.running),
            min(w.accepted_at) FILTER (WHERE NOT w.running),
            min(greatest(w.due, w.accepted_at)) FILTER (WHERE NOT w.running AND w.due <= (SELECT {now}))
        FROM (
            SELECT k.event_type, k.accepted_at, {running} AS running,
                CASE WHEN k.phase = 0 THEN greatest(k.due, k.rest_end, k.lease_end) ELSE k.due END AS due
            FROM {records} k WHERE {mine} AND k.source = $3 AND k.due IS NOT NULL
        ) w GROUP BY w.event_type
    ) s ON true ORDER BY s.event_type COLLATE \"C\"";

pub(super) const WAITING: &str = "
    SELECT {head}, l.* FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT k.key, k.accepted_at, k.event_type, k.event_id, k.entity_id, k.attempts, {running},
            {due_in}, k.consumer_id
        FROM {records} k
        WHERE {mine} AND k.source = $3 AND k.due IS NOT NULL AND k.accepted_at >= $5 AND k.accepted_at < $6
            AND ($4::text IS NULL OR {matched})
            AND ($7::bigint IS NULL OR (k.accepted_at, k.key) < ($7, $8))
        ORDER BY k.accepted_at DESC, k.key DESC LIMIT $9
    ) l ON true";

/// With the columns of `WAITING` first. A replay of a letter has a due time too.
pub(super) const WAITING_RECORD: &str = "
    SELECT {head}, l.* FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT k.key, k.accepted_at, k.event_type, k.event_id, k.entity_id, k.attempts, {running},
            {due_in}, k.consumer_id, k.idempotency_key, k.context, k.body
        FROM {records} k
        WHERE {mine} AND k.key = $4 AND k.source = $3 AND k.due IS NOT NULL AND k.dead_at IS NULL
    ) l ON true";

pub(super) const PAUSE: &str = "
    WITH paused AS (
        INSERT INTO {pauses} SELECT $3, $4, {now} WHERE {mine} ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT {head}, EXISTS (SELECT FROM paused)";

/// The time of the pause is added to the begin of the first runs. Time that another pause of the
/// same events counts is left to that one.
pub(super) const RESUME: &str = "
    WITH ended AS (
        DELETE FROM {pauses} p WHERE {mine} AND p.source = $3 AND p.pattern = $4 RETURNING p.since
    ), shifted AS (
        UPDATE {records} k SET first_seen = k.first_seen + greatest(0, least({now}, (
            SELECT min(p.since) FROM {pauses} p, (SELECT k.event_type AS name) n
            WHERE p.source = $3 AND p.pattern <> $4 AND {paused}
        )) - greatest(k.first_seen, e.since))
        FROM ended e
        WHERE k.source = $3 AND k.due IS NOT NULL AND k.dead_at IS NULL AND k.attempts > 0
            AND {matched}
    )
    SELECT {head}, EXISTS (SELECT FROM ended)";

pub(super) const PAUSED: &str = "
    SELECT {head}, l.* FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT p.pattern, {now} - p.since FROM {pauses} p WHERE {mine} AND p.source = $3
        ORDER BY p.pattern COLLATE \"C\"
    ) l ON true";

pub(super) const NOTIFY: &str = "SELECT {head}, pg_notify($3, '') WHERE {mine}";
