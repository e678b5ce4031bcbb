-- Accepts an event. The answer is accepted, done, dead or running, and `o_left` is the time left of
-- the lease of a running one. It locks as a claim does.
CREATE FUNCTION {accept}(
    p_mine boolean, p_event bytea, p_alias bytea, p_keep bigint, p_lane text, p_occurred_at bigint,
    p_idempotency_key text, p_source text, p_event_type text, p_event_id text, p_entity_id text,
    p_consumer_id text, p_context text, p_body bytea,
    OUT o_verdict text, OUT o_record bytea, OUT o_new boolean, OUT o_left bigint
) LANGUAGE plpgsql AS $accept$
DECLARE
    l_now bigint;
    l_bound bytea;
    l_until bigint;
    l_end bigint;
    l_locked boolean;
    l_absent boolean;
    l_rested boolean;
    l_inserted boolean;
    l_binds boolean;
    o_kept boolean;
    r record;
BEGIN
    IF NOT p_mine THEN
        RAISE EXCEPTION 'a pooler has mixed prepared statements up' USING ERRCODE = 'AH001';
    END IF;
    FOR l_round IN 1..10 LOOP
        l_now := {now};
        l_bound := NULL;
        l_inserted := false;
        o_kept := false;
        IF p_alias IS NOT NULL THEN
            {bound}
        END IF;
        o_record := coalesce(l_bound, p_event);
        IF l_bound IS NULL THEN
            INSERT INTO {records} (
                key, phase, token, claim_id, attempts, interrupted, lease_end, lease_length, rest_end,
                rest_length, first_seen, expires, source, event_type, event_id, entity_id, consumer_id,
                context, body, accepted_at, due, lane, occurred_at, idempotency_key
            ) VALUES (
                p_event, 4, 0, {no_claim}, 0, 0, 0, 0, l_now, 0, l_now, l_now + p_keep, p_source, p_event_type,
                p_event_id, p_entity_id, p_consumer_id, p_context, p_body, l_now, l_now, p_lane,
                coalesce(p_occurred_at, l_now), p_idempotency_key
            ) ON CONFLICT DO NOTHING;
            l_inserted := FOUND;
        END IF;
        IF l_inserted THEN
            o_verdict := 'accepted';
            o_new := true;
        ELSE
            -- First without a lock, because most duplicates change nothing.
            l_locked := false;
            LOOP
                IF l_locked THEN
                    SELECT {columns} INTO r FROM {records} k WHERE k.key = o_record FOR UPDATE;
                ELSE
                    SELECT {columns} INTO r FROM {records} k WHERE k.key = o_record;
                END IF;
                EXIT WHEN NOT FOUND;
                -- Only now, because the lock may have been waited for.
                l_now := {now};
                l_absent := NOT r.kept AND NOT r.accepted AND r.expires <= l_now;
                -- The alias is not bound any more.
                EXIT WHEN l_absent AND l_bound IS NOT NULL;
                o_new := false;
                o_kept := r.kept;
                o_left := least(r.lease_end - l_now, r.lease_length);
                IF l_absent THEN
                    o_verdict := 'accepted';
                    o_new := true;
                ELSIF r.phase = 1 THEN
                    o_verdict := 'done';
                ELSIF r.kept THEN
                    o_verdict := 'dead';
                ELSIF r.accepted THEN
                    o_verdict := 'accepted';
                ELSIF r.phase = 0 AND o_left > 0 THEN
                    o_verdict := 'running';
                ELSE
                    o_verdict := 'accepted';
                    o_new := true;
                END IF;
                EXIT WHEN l_locked OR NOT o_new;
                l_locked := true;
            END LOOP;
            CONTINUE WHEN NOT FOUND OR l_absent AND l_bound IS NOT NULL;
            IF o_new THEN
                -- The token and the phase stay, so that a run that comes to its end after its lease
                -- can still settle the event. But it has no lease to renew, because it does not
                -- hold the event's lane.
                IF l_absent THEN
                    r.expires := l_now;
                END IF;
                r.expires := greatest(r.expires, l_now + p_keep);
                l_rested := l_absent OR least(r.rest_end - l_now, r.rest_length) <= 0;
                UPDATE {records} k SET
                    phase = CASE WHEN l_absent THEN 4 ELSE k.phase END,
                    claim_id = CASE WHEN l_absent THEN {no_claim} ELSE k.claim_id END,
                    lease_end = 0, lease_length = 0,
                    rest_end = CASE WHEN l_rested THEN l_now ELSE k.rest_end END,
                    rest_length = CASE WHEN l_rested THEN 0 ELSE k.rest_length END,
                    attempts = 0, interrupted = 0, first_seen = l_now, expires = r.expires,
                    source = p_source, event_type = p_event_type, event_id = p_event_id,
                    entity_id = p_entity_id, consumer_id = p_consumer_id, context = p_context,
                    error = NULL, body = p_body, dead_at = NULL, accepted_at = l_now,
                    due = CASE WHEN l_rested THEN l_now ELSE k.rest_end END,
                    lane = p_lane, occurred_at = coalesce(p_occurred_at, l_now),
                    idempotency_key = p_idempotency_key
                WHERE k.key = o_record;
            END IF;
        END IF;
        l_binds := o_new;
        {bind}
    END LOOP;
    RAISE EXCEPTION 'the record changes too fast' USING ERRCODE = 'serialization_failure';
END
$accept$;

-- Claims due records of these names. The first row has the names of all events that wait, so that
-- the caller can name those that it handles.
--
-- With an order it takes the first event of each lane that is free. A lane is locked before it is
-- looked at again, because another fetch can have taken it after this one has read it. No lock is
-- waited for, except that of a run whose lease is over, so fetches do not deadlock. A fetch and a
-- replay can, and the server ends one of them, which is sent again.
--
-- Most events of a long lane are not its first one. So with an order it looks at a limited number
-- of due events, and then at the events without a lane and at the heads of a limited number of
-- lanes, from a random one on and from the first one on.
--
-- The settings forbid plans that read the whole table. A plan is kept for long, and the table may
-- have been empty when it was made.
CREATE FUNCTION {fetch}(
    p_mine boolean, p_source text, p_names text[], p_id bytea, p_limit integer, p_lease bigint,
    p_keep bigint, p_rests bigint[], p_ordered boolean
) RETURNS TABLE (
    o_names text[], o_key bytea, o_token bigint, o_attempts integer, o_since bigint,
    o_accepted_at bigint, o_idempotency_key text, o_event_type text, o_event_id text,
    o_entity_id text, o_consumer_id text, o_context text, o_body bytea
) LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $fetch$
DECLARE
    l_now bigint;
    l_open text[];
    l_keys bytea[];
    l_key bytea;
    l_lane text;
    l_start text;
    l_found integer := 0;
BEGIN
    IF NOT p_mine THEN
        RAISE EXCEPTION 'a pooler has mixed prepared statements up' USING ERRCODE = 'AH001';
    END IF;
    l_open := ARRAY(
        SELECT n.name FROM unnest(p_names) n (name)
        WHERE NOT EXISTS (SELECT FROM {pauses} p WHERE p.source = p_source AND {paused})
    );
    l_now := {now};
    IF p_ordered THEN
        l_keys := ARRAY(
            SELECT d.key FROM unnest(l_open) n (name) CROSS JOIN LATERAL (
                SELECT k.key, k.due FROM (
                    SELECT k.* FROM {records} k
                    WHERE k.source = p_source AND k.event_type = n.name AND {can_run}
                    ORDER BY k.due LIMIT 200 + 4 * p_limit
                ) k WHERE k.lane IS NULL OR {first} ORDER BY k.due LIMIT p_limit
            ) d ORDER BY d.due LIMIT p_limit
        );
        l_start := md5(random()::text);
        IF cardinality(l_keys) < p_limit AND cardinality(l_open) > 0 THEN
            l_keys := l_keys || ARRAY(
                SELECT d.key FROM unnest(l_open) n (name) CROSS JOIN LATERAL (
                    SELECT k.key, k.due FROM {records} k
                    WHERE k.source = p_source AND k.event_type = n.name AND k.lane IS NULL AND {can_run}
                        AND k.key <> ALL (l_keys)
                    ORDER BY k.due LIMIT p_limit
                ) d ORDER BY d.due LIMIT p_limit
            );
            l_keys := l_keys || ARRAY(
                WITH RECURSIVE lanes (lane, n) AS (
                    SELECT s.lane, 0 FROM unnest(ARRAY[l_start, '']) s (lane)
                    UNION ALL
                    SELECT (
                        SELECT k.lane FROM {records} k
                        WHERE k.source = p_source AND k.due IS NOT NULL AND k.lane > lanes.lane
                        ORDER BY k.lane LIMIT 1
                    ), lanes.n + 1 FROM lanes WHERE lanes.lane IS NOT NULL AND lanes.n < 1000
                )
                SELECT k.key FROM (SELECT DISTINCT l.lane FROM lanes l) l CROSS JOIN LATERAL (
                    SELECT k.* FROM {records} k
                    WHERE k.source = p_source AND k.due IS NOT NULL AND k.lane = l.lane
                    ORDER BY k.occurred_at, k.accepted_at, k.key LIMIT 1
                ) k WHERE k.event_type = ANY (l_open) AND {can_run} AND k.key <> ALL (l_keys)
                ORDER BY k.due LIMIT p_limit
            );
        END IF;
    ELSE
        l_keys := ARRAY(
            SELECT d.key FROM unnest(l_open) n (name) CROSS JOIN LATERAL (
                SELECT k.key, k.due FROM {records} k
                WHERE k.source = p_source AND k.event_type = n.name AND {can_run}
                ORDER BY k.due LIMIT p_limit FOR UPDATE SKIP LOCKED
            ) d ORDER BY d.due LIMIT p_limit
        );
    END IF;
    FOREACH l_key IN ARRAY l_keys LOOP
        EXIT WHEN l_found >= p_limit;
        IF p_ordered THEN
            SELECT k.lane INTO l_lane FROM {records} k WHERE k.key = l_key AND {can_run}
            FOR UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND;
        END IF;
        IF p_ordered AND l_lane IS NOT NULL THEN
            CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended('{records}' || l_lane, 0));
            PERFORM FROM {records} k WHERE k.key = l_key AND {first};
            CONTINUE WHEN NOT FOUND;
            -- A run whose lease is over, of an event that came before this one had arrived.
            UPDATE {records} k SET {lose}
            WHERE k.held_lane = l_lane AND k.key <> l_key AND NOT {running};
        END IF;
        UPDATE {records} k SET
            phase = 0, token = greatest(k.token + 1, l_now), claim_id = p_id, attempts = k.attempts + 1,
            lease_end = l_now + p_lease, lease_length = p_lease,
            rest_end = l_now + p_rests[least(k.attempts + 1, cardinality(p_rests))],
            rest_length = p_rests[least(k.attempts + 1, cardinality(p_rests))],
            first_seen = CASE WHEN k.attempts = 0 THEN l_now ELSE k.first_seen END,
            expires = greatest(k.expires, l_now + p_keep),
            held_lane = CASE WHEN p_ordered THEN k.lane END
        WHERE k.key = l_key
        RETURNING k.key, k.token, k.attempts, greatest(l_now - k.first_seen, 0), k.accepted_at,
            k.idempotency_key, k.event_type, k.event_id, k.entity_id, k.consumer_id, k.context, k.body
        INTO o_key, o_token, o_attempts, o_since, o_accepted_at, o_idempotency_key, o_event_type,
            o_event_id, o_entity_id, o_consumer_id, o_context, o_body;
        RETURN NEXT;
        l_found := l_found + 1;
    END LOOP;
    IF l_found > 0 THEN
        UPDATE {progress} p SET fetched_at = l_now
        WHERE p.source = p_source AND (p.fetched_at < l_now - 1000000 OR p.fetched_at > l_now);
        IF NOT FOUND AND NOT EXISTS (SELECT FROM {progress} p WHERE p.source = p_source) THEN
            INSERT INTO {progress} VALUES (p_source, l_now) ON CONFLICT DO NOTHING;
        END IF;
    END IF;
    o_names := ARRAY({names});
    o_key := NULL;
    RETURN NEXT;
END
$fetch$;
