-- The tables and functions of apideck-hooks, format 3. This is one statement, so it is done whole
-- or not at all. It can be run again. All times are microseconds since the start of 1970.
DO $migrate$
DECLARE
    l_version integer;
BEGIN
    -- One migration at a time in a schema. All prefixes share the lock, because two migrations
    -- cannot create one schema.
    PERFORM pg_advisory_xact_lock(hashtextextended('apideck-hooks {schema}', 0));

    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'the database "%" has the encoding %, and the store needs UTF8',
            current_database(), current_setting('server_encoding')
            USING ERRCODE = 'feature_not_supported', HINT = 'Create a database with ENCODING ''UTF8''.';
    END IF;

    IF to_regnamespace('"{schema}"') IS NULL THEN
        IF NOT has_database_privilege(current_database(), 'CREATE') THEN
            RAISE EXCEPTION 'the role "%" may not create the schema "{schema}"', current_user
                USING ERRCODE = 'insufficient_privilege',
                HINT = 'GRANT CREATE ON DATABASE, or let another role run the migration.';
        END IF;
        CREATE SCHEMA "{schema}";
    END IF;

    IF to_regclass('{format}') IS NOT NULL THEN
        SELECT max(version) INTO l_version FROM {format};
        IF l_version = 3 THEN
            RETURN;
        ELSIF l_version <> 2 THEN
            RAISE EXCEPTION
                'the tables in the schema "{schema}" have the format %, and this release knows the format 3',
                l_version USING ERRCODE = 'feature_not_supported',
                HINT = 'Use a release that knows the format, or another schema or prefix.';
        ELSIF NOT (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = '{records}'::regclass) THEN
            RAISE EXCEPTION 'the role "%" may not change the tables in the schema "{schema}"', current_user
                USING ERRCODE = 'insufficient_privilege', HINT = 'Let the owner of the tables run the migration.';
        END IF;
    ELSIF to_regclass('{records}') IS NOT NULL THEN
        RAISE EXCEPTION 'the tables in the schema "{schema}" have the format 1, from before the first release'
            USING ERRCODE = 'feature_not_supported',
            HINT = 'Drop the table {records} with all in it, or use another schema or prefix.';
    ELSIF NOT has_schema_privilege('{schema}', 'CREATE') THEN
        RAISE EXCEPTION 'the role "%" may not create tables in the schema "{schema}"', current_user
            USING ERRCODE = 'insufficient_privilege',
            HINT = 'GRANT CREATE ON SCHEMA "{schema}", or let another role run the migration.';
    END IF;

    -- The format 2 has the same tables without the inbox. Its functions stay for processes of the
    -- release before, which do not know accepted events.
    IF l_version = 2 THEN
        ALTER TABLE {records} ADD COLUMN occurred_at bigint, ADD COLUMN idempotency_key text,
            ADD COLUMN held_lane text;
        UPDATE {format} SET version = 3;
    ELSE
        {tables}
    END IF;
    {inbox_tables}

    -- Claims a record for a delivery or, with `p_replay`, for a replay of the letter of this source.
    -- The answer has no verdict if the source has no such letter.
    --
    -- It is a function, because each of its statements sees what was committed before that
    -- statement. One plain statement sees one snapshot only. It cannot tell an alias whose record
    -- another session has just written from an alias whose record is gone.
    --
    -- It locks the record before the alias, and at most one of each. So claims do not deadlock.
    CREATE FUNCTION {claim}(
        p_mine boolean, p_event bytea, p_alias bytea, p_id bytea, p_lease bigint, p_keep bigint,
        p_rests bigint[], p_replay text DEFAULT NULL, p_min_age bigint DEFAULT NULL,
        p_most bigint DEFAULT NULL, p_source text DEFAULT NULL, p_event_type text DEFAULT NULL,
        p_event_id text DEFAULT NULL, p_entity_id text DEFAULT NULL, p_consumer_id text DEFAULT NULL,
        p_context text DEFAULT NULL, p_error text DEFAULT NULL, p_body bytea DEFAULT NULL,
        OUT o_verdict text, OUT o_record bytea, OUT o_token bigint, OUT o_attempts integer,
        OUT o_left bigint, OUT o_kept boolean, OUT o_lettered boolean
    ) LANGUAGE plpgsql AS $claim$
    DECLARE
        l_now bigint;
        -- The record to which the alias is bound, and the time until which it is.
        l_bound bytea;
        l_until bigint;
        -- The time until which the alias shall be bound.
        l_end bigint;
        l_room boolean := false;
        l_locked boolean;
        l_absent boolean;
        l_inserted boolean;
        l_binds boolean;
        r record;
    BEGIN
        IF NOT p_mine THEN
            RAISE EXCEPTION 'a pooler has mixed prepared statements up' USING ERRCODE = 'AH001';
        END IF;
        IF p_body IS NOT NULL THEN
            l_room := {room};
        END IF;
        -- Again if the rows change between their reading and their locking.
        FOR l_round IN 1..10 LOOP
            l_now := {now};
            l_bound := NULL;
            l_inserted := false;
            IF p_alias IS NOT NULL THEN
                {bound}
            END IF;
            o_record := coalesce(l_bound, p_event);
            o_lettered := false;
            o_kept := false;
            IF l_bound IS NULL AND p_replay IS NULL THEN
                INSERT INTO {records} (
                    key, phase, token, claim_id, attempts, interrupted, lease_end, lease_length,
                    rest_end, rest_length, first_seen, expires
                ) VALUES (
                    p_event, 0, l_now, p_id, 1, 0, l_now + p_lease, p_lease,
                    l_now + p_rests[1], p_rests[1], l_now, l_now + p_keep
                ) ON CONFLICT DO NOTHING;
                l_inserted := FOUND;
            END IF;
            IF l_inserted THEN
                o_verdict := 'granted';
                o_token := l_now;
                o_attempts := 1;
                o_lettered := l_room;
            ELSE
                -- First without a lock, because most duplicates change nothing.
                l_locked := p_replay IS NOT NULL;
                LOOP
                    IF l_locked THEN
                        SELECT {columns} INTO r FROM {records} k WHERE k.key = o_record FOR UPDATE;
                    ELSE
                        SELECT {columns} INTO r FROM {records} k WHERE k.key = o_record;
                    END IF;
                    EXIT WHEN NOT FOUND;
                    -- Only now, because the lock may have been waited for.
                    l_now := {now};
                    IF p_replay IS NOT NULL AND (r.dead_at IS NULL OR r.source <> p_replay) THEN
                        RETURN;
                    END IF;
                    l_absent := NOT r.kept AND NOT r.accepted AND r.expires <= l_now;
                    -- The alias is not bound any more.
                    EXIT WHEN l_absent AND l_bound IS NOT NULL;
                    o_lettered := l_room AND NOT r.kept AND NOT r.accepted
                        AND (l_absent OR greatest(0, l_now - r.first_seen) >= p_min_age);
                    o_kept := r.kept OR o_lettered;
                    o_left := least(r.lease_end - l_now, r.lease_length);
                    IF l_absent THEN
                        o_verdict := 'granted';
                    ELSIF r.phase = 0 AND o_left > 0 AND r.claim_id = p_id THEN
                        o_verdict := 'granted';
                        o_token := r.token;
                        o_attempts := r.attempts;
                        o_lettered := false;
                        RETURN;
                    ELSIF r.phase = 1 THEN
                        o_verdict := 'done';
                        o_lettered := false;
                    ELSIF r.accepted AND NOT r.kept THEN
                        o_verdict := 'accepted';
                    ELSIF r.phase = 0 AND o_left > 0 THEN
                        o_verdict := 'running';
                    ELSIF p_replay IS NOT NULL THEN
                        o_verdict := 'granted';
                    ELSIF r.kept THEN
                        o_verdict := 'dead';
                    ELSE
                        o_left := least(r.rest_end - l_now, r.rest_length);
                        IF o_left > 0 THEN
                            o_verdict := CASE WHEN o_lettered THEN 'dead' ELSE 'resting' END;
                        ELSE
                            o_verdict := 'granted';
                        END IF;
                    END IF;
                    -- The clock was set back. Not by less than a second, because a wait can be newer
                    -- than `l_now`.
                    IF o_verdict IN ('running', 'resting', 'dead') AND greatest(
                        r.lease_end - r.lease_length, r.rest_end - r.rest_length
                    ) > l_now + 1000000 THEN
                        UPDATE {records} k SET
                            lease_end = least(k.lease_end, l_now + k.lease_length),
                            rest_end = least(k.rest_end, l_now + k.rest_length)
                        WHERE k.key = o_record;
                    END IF;
                    EXIT WHEN l_locked OR o_verdict <> 'granted' AND NOT o_lettered;
                    l_locked := true;
                END LOOP;
                IF NOT FOUND OR l_absent AND l_bound IS NOT NULL THEN
                    IF p_replay IS NOT NULL THEN
                        RETURN;
                    END IF;
                    CONTINUE;
                END IF;
                IF o_verdict = 'granted' THEN
                    IF l_absent THEN
                        r.attempts := 0;
                        r.interrupted := 0;
                        r.first_seen := l_now;
                        r.expires := l_now;
                    END IF;
                    o_token := greatest(r.token + 1, l_now);
                    o_attempts := r.attempts + 1;
                    IF r.lane IS NOT NULL THEN
                        -- The replay of an accepted event's letter takes the lane of the event.
                        PERFORM pg_advisory_xact_lock(hashtextextended('{records}' || r.lane, 0));
                        SELECT max(least(k.lease_end - l_now, k.lease_length)) INTO o_left FROM (
                            SELECT h.* FROM {records} h WHERE h.held_lane = r.lane
                            UNION ALL
                            SELECT w.* FROM {records} w WHERE w.source = p_replay AND w.lane = r.lane AND w.due IS NOT NULL
                        ) k WHERE k.key <> o_record AND k.phase = 0;
                        IF o_left > 0 THEN
                            o_verdict := 'running';
                            RETURN;
                        END IF;
                        UPDATE {records} k SET {lose}
                        WHERE k.key = ANY (ARRAY (
                            SELECT h.key FROM {records} h WHERE h.held_lane = r.lane
                            UNION ALL
                            SELECT w.key FROM {records} w WHERE w.source = p_replay AND w.lane = r.lane
                                AND w.due IS NOT NULL AND w.phase = 0
                        )) AND k.key <> o_record AND NOT {running};
                    END IF;
                    r.expires := greatest(r.expires, l_now + p_keep);
                    UPDATE {records} k SET
                        phase = 0, token = o_token, claim_id = p_id, attempts = o_attempts,
                        interrupted = r.interrupted, lease_end = l_now + p_lease, lease_length = p_lease,
                        rest_end = l_now + p_rests[least(o_attempts, cardinality(p_rests))],
                        rest_length = p_rests[least(o_attempts, cardinality(p_rests))],
                        first_seen = r.first_seen, expires = r.expires, held_lane = r.lane
                    WHERE k.key = o_record;
                END IF;
            END IF;
            IF o_lettered THEN
                UPDATE {records} k SET
                    source = p_source, event_type = p_event_type, event_id = p_event_id,
                    entity_id = p_entity_id, consumer_id = p_consumer_id, context = p_context,
                    error = p_error, body = p_body, dead_at = l_now
                WHERE k.key = o_record;
            END IF;
            l_binds := o_verdict = 'granted';
            {bind}
        END LOOP;
        RAISE EXCEPTION 'the record changes too fast' USING ERRCODE = 'serialization_failure';
    END
    $claim$;

    -- Ends a run: `p_phase` is the phase after it. Answers 0 lost, 1 yes, 2 no room.
    CREATE FUNCTION {finish}(
        p_mine boolean, p_key bytea, p_token bigint, p_id bytea, p_phase smallint, p_keep bigint,
        p_rest bigint DEFAULT 0, p_began boolean DEFAULT true, p_most bigint DEFAULT NULL,
        p_source text DEFAULT NULL, p_event_type text DEFAULT NULL, p_event_id text DEFAULT NULL,
        p_entity_id text DEFAULT NULL, p_consumer_id text DEFAULT NULL, p_context text DEFAULT NULL,
        p_error text DEFAULT NULL, p_body bytea DEFAULT NULL
    ) RETURNS integer LANGUAGE plpgsql AS $finish$
    DECLARE
        l_phase smallint;
    BEGIN
        IF NOT p_mine THEN
            RAISE EXCEPTION 'a pooler has mixed prepared statements up' USING ERRCODE = 'AH001';
        END IF;
        IF p_phase = 1 THEN
            UPDATE {records} k SET
                phase = 1, interrupted = 0, expires = greatest(k.expires, {now} + p_keep), {no_letter}
            WHERE k.key = p_key AND k.token = p_token AND k.claim_id = p_id AND k.phase = 0;
        ELSIF p_phase = 3 THEN
            UPDATE {records} k SET
                phase = 3, interrupted = 0, expires = greatest(k.expires, {now} + p_keep),
                due = NULL, held_lane = NULL,
                attempts = CASE WHEN p_began THEN k.attempts ELSE greatest(k.attempts - 1, 0) END,
                source = p_source, event_type = p_event_type, event_id = p_event_id,
                entity_id = p_entity_id, consumer_id = p_consumer_id, context = p_context,
                error = p_error, body = p_body, dead_at = {now}
            WHERE k.key = p_key AND k.token = p_token AND k.claim_id = p_id AND k.phase = 0
                AND p_body IS NOT NULL AND (k.body IS NOT NULL OR {room});
        ELSIF p_phase = 2 THEN
            UPDATE {records} k SET
                phase = 2, interrupted = 0, expires = greatest(k.expires, {now} + p_keep),
                rest_end = CASE WHEN {asked} THEN {now} + p_rest ELSE k.rest_end END,
                rest_length = CASE WHEN {asked} THEN p_rest ELSE k.rest_length END,
                due = CASE WHEN {waits} THEN {now} + p_rest END, held_lane = NULL
            WHERE k.key = p_key AND k.token = p_token AND k.claim_id = p_id AND k.phase = 0;
        ELSIF p_phase = 4 OR NOT EXISTS (
            SELECT FROM {records} k WHERE k.key = p_key AND k.interrupted >= {interrupted}
        ) THEN
            UPDATE {records} k SET
                phase = p_phase, expires = greatest(k.expires, {now} + p_keep),
                interrupted = k.interrupted + CASE WHEN p_phase = 5 THEN 1 ELSE 0 END,
                attempts = greatest(k.attempts - 1, 0), rest_end = 0, rest_length = 0,
                due = CASE WHEN {waits} THEN {since} END, held_lane = NULL
            WHERE k.key = p_key AND k.token = p_token AND k.claim_id = p_id AND k.phase = 0;
        ELSE
            -- The interruption counts as an attempt.
            UPDATE {records} k SET
                phase = 5, expires = greatest(k.expires, {now} + p_keep),
                due = CASE WHEN {waits} THEN greatest(k.rest_end, {since}) END, held_lane = NULL
            WHERE k.key = p_key AND k.token = p_token AND k.claim_id = p_id AND k.phase = 0;
        END IF;
        IF FOUND THEN
            RETURN 1;
        END IF;
        SELECT k.phase INTO l_phase FROM {records} k
        WHERE k.key = p_key AND k.token = p_token AND k.claim_id = p_id;
        RETURN CASE WHEN l_phase = p_phase THEN 1 WHEN l_phase = 0 THEN 2 ELSE 0 END;
    END
    $finish$;

    -- Ends a handler's run in its transaction. Answers the number of the transaction. The handler's
    -- statements are over, so only this and the commit get the time limit.
    CREATE FUNCTION {done}(p_number bigint, p_key bytea, p_token bigint, p_id bytea, p_keep bigint)
    RETURNS bigint LANGUAGE plpgsql AS $done$
    BEGIN
        IF current_setting('apideck_hooks.transaction', true) IS DISTINCT FROM p_number::text THEN
            RAISE EXCEPTION 'the handler has ended the transaction' USING ERRCODE = 'AH002';
        END IF;
        PERFORM set_config('lock_timeout', '5s', true);
        UPDATE {records} k SET
            phase = 1, interrupted = 0, expires = greatest(k.expires, {now} + p_keep), {no_letter}
        WHERE k.key = p_key AND k.token = p_token AND k.claim_id = p_id AND k.phase = 0;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the claim was lost' USING ERRCODE = 'AH003';
        END IF;
        RETURN p_number;
    END
    $done$;

    -- Deletes a letter of this source. Answers 0 unknown, 1 yes, 2 busy.
    CREATE FUNCTION {purge}(p_mine boolean, p_source text, p_key bytea, p_keep bigint)
    RETURNS integer LANGUAGE plpgsql AS $purge$
    DECLARE
        r record;
    BEGIN
        IF NOT p_mine THEN
            RAISE EXCEPTION 'a pooler has mixed prepared statements up' USING ERRCODE = 'AH001';
        END IF;
        SELECT {columns} INTO r FROM {records} k WHERE k.key = p_key FOR UPDATE;
        IF NOT FOUND OR r.dead_at IS NULL OR r.source <> p_source THEN
            RETURN 0;
        ELSIF r.phase = 0 AND least(r.lease_end - {now}, r.lease_length) > 0 THEN
            RETURN 2;
        END IF;
        UPDATE {records} k SET
            phase = 1, token = greatest(k.token + 1, {now}),
            expires = greatest(k.expires, {now} + p_keep), {no_letter}
        WHERE k.key = p_key;
        RETURN 1;
    END
    $purge$;

    {inbox}
END
$migrate$;
