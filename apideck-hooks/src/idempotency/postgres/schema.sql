-- What apideck-hooks keeps in PostgreSQL. One statement, so it is done whole or not at all, and it may be run again.
-- Functions carry a version in their names: while a release is rolled out, old and new processes each call their own.
DO $migrate$
BEGIN
    -- Several processes that start at once do this one after another.
    PERFORM pg_advisory_xact_lock(hashtextextended('apideck-hooks {records}', 0));

    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '{schema}') THEN
        CREATE SCHEMA "{schema}";
    END IF;

    IF to_regclass('{records}') IS NULL THEN
        -- No index holds a column that a claim or a finish changes, and each page has room to spare: an update stays
        -- in its page and touches no index.
        CREATE TABLE {records} (
            record bytea PRIMARY KEY,
            -- A 'forgotten' record was purged: it counts as absent, and only keeps its place in the list of letters.
            state text NOT NULL CHECK (state IN ('running', 'released', 'done', 'dead', 'forgotten')),
            token bigint NOT NULL,
            attempt integer NOT NULL,
            -- How many delivery keys were bound to it.
            keys integer NOT NULL,
            lease_until timestamptz,
            created_at timestamptz NOT NULL,
            changed_at timestamptz NOT NULL,
            -- The dead letter. It is there as long as there is an error; without a body if that was too large.
            set_aside_at timestamptz,
            attempts integer,
            source text,
            event_type text,
            event_id text,
            error text,
            body bytea
        ) WITH (fillfactor = 70);
        CREATE INDEX ON {records} (created_at);
        CREATE INDEX ON {records} (set_aside_at, record) WHERE error IS NOT NULL;

        CREATE TABLE {keys} (
            delivery bytea PRIMARY KEY,
            record bytea NOT NULL,
            bound_at timestamptz NOT NULL
        );
        CREATE INDEX ON {keys} (bound_at);

        -- No token is given twice, however often a record was swept away: an owner from a record's earlier life cannot
        -- settle a later one.
        CREATE SEQUENCE {tokens};
    END IF;

    IF to_regprocedure('{claim}(bytea, bytea, bigint, bigint)') IS NULL THEN
        -- Times in microseconds.
        --
        -- A function, because each of its statements sees what was committed before that statement. One plain statement
        -- sees one snapshot: it cannot tell a delivery key whose record another session has just written from one whose
        -- record is long forgotten, and would bind the key anew.
        --
        -- Locks are taken in one order, the delivery key before the record, and one of each. A lock is waited for no
        -- longer than a caller waits, so that calls given up do not pile up in the server.
        CREATE FUNCTION {claim}(
            p_event bytea, p_delivery bytea, p_lease bigint, p_retention bigint,
            OUT o_record bytea, OUT o_verdict text, OUT o_token bigint, OUT o_attempt integer, OUT o_left bigint
        ) LANGUAGE plpgsql VOLATILE SET lock_timeout = '5s' AS $claim$
        DECLARE
            l_retention CONSTANT interval := p_retention * interval '1 microsecond';
            l_kept_since CONSTANT timestamptz := clock_timestamp() - l_retention;
            -- Whether the delivery key was bound to the record just now.
            l_new boolean := false;
            l_bound bytea;
            l_now timestamptz;
            l_until timestamptz;
            l_changed timestamptz;
            l_state text;
            l_keys integer;
        BEGIN
            -- What comes for the first time, as most does, takes two inserts and nothing else.
            --
            -- First the delivery key. From its insert or its lock on it is held: who else comes with it waits, and finds it
            -- bound.
            WHILE p_delivery IS NOT NULL LOOP
                -- A record takes no more than so many: who sends one body under ever new keys writes nothing.
                INSERT INTO {keys} (delivery, record, bound_at)
                SELECT p_delivery, p_event, clock_timestamp()
                WHERE NOT EXISTS (
                    SELECT FROM {records} r WHERE r.record = p_event AND r.keys >= {max_keys}
                        AND (r.state = 'running' OR r.state <> 'forgotten' AND r.changed_at > l_kept_since)
                )
                ON CONFLICT (delivery) DO NOTHING;
                l_new := FOUND;
                EXIT WHEN l_new;
                SELECT r.record, r.state, r.lease_until INTO o_record, l_state, l_until
                FROM {keys} k JOIN {records} r ON r.record = k.record
                WHERE k.delivery = p_delivery
                    AND (r.state = 'running' OR r.state <> 'forgotten' AND r.changed_at > l_kept_since);
                EXIT WHEN FOUND;
                -- It stands for a record that is forgotten, and may be bound anew by whoever gets its lock first.
                SELECT k.record INTO l_bound FROM {keys} k WHERE k.delivery = p_delivery FOR UPDATE;
                IF FOUND THEN
                    SELECT r.record INTO o_record FROM {records} r
                    WHERE r.record = l_bound
                        AND (r.state = 'running' OR r.state <> 'forgotten' AND r.changed_at > l_kept_since);
                    EXIT WHEN FOUND;
                    UPDATE {keys} SET record = p_event, bound_at = clock_timestamp() WHERE delivery = p_delivery;
                    l_new := l_bound <> p_event;
                    EXIT;
                END IF;
                -- Not there: the record takes no more, or the key was swept away since and is free.
                PERFORM FROM {records} r WHERE r.record = p_event AND r.keys >= {max_keys}
                    AND (r.state = 'running' OR r.state <> 'forgotten' AND r.changed_at > l_kept_since);
                EXIT WHEN FOUND;
            END LOOP;
            o_record := coalesce(o_record, p_event);

            -- Then the record.
            LOOP
                l_now := clock_timestamp();
                -- A duplicate changes nothing: it is answered without a lock and without a write.
                IF l_state IN ('done', 'dead') THEN
                    o_verdict := l_state;
                    RETURN;
                ELSIF l_state = 'running' AND l_until > l_now THEN
                    o_verdict := 'running';
                    o_left := extract(epoch FROM l_until - l_now) * 1000000;
                    RETURN;
                END IF;
                IF l_state IS NULL THEN
                    INSERT INTO {records} (record, state, token, attempt, keys, lease_until, created_at, changed_at)
                    VALUES (
                        o_record, 'running', nextval('{tokens}'), 1, l_new::integer,
                        l_now + p_lease * interval '1 microsecond', l_now, l_now
                    )
                    ON CONFLICT (record) DO NOTHING
                    RETURNING token INTO o_token;
                    IF FOUND THEN
                        o_verdict := 'granted';
                        o_attempt := 1;
                        RETURN;
                    END IF;
                END IF;
                IF l_state IS NULL AND NOT l_new THEN
                    SELECT r.state, r.lease_until INTO l_state, l_until
                    FROM {records} r
                    WHERE r.record = o_record
                        AND (r.state = 'running' OR r.state <> 'forgotten' AND r.changed_at > l_kept_since);
                    CONTINUE WHEN FOUND;
                END IF;
                SELECT r.state, r.token, r.attempt, r.keys, r.lease_until, r.changed_at
                INTO l_state, o_token, o_attempt, l_keys, l_until, l_changed
                FROM {records} r WHERE r.record = o_record FOR NO KEY UPDATE;
                EXIT WHEN FOUND;
                -- Swept away since: nothing is known of it.
            END LOOP;
            -- Only now: the lock may have been waited for.
            l_now := clock_timestamp();

            IF l_new AND l_keys >= {max_keys} THEN
                DELETE FROM {keys} WHERE delivery = p_delivery;
            ELSIF l_new THEN
                UPDATE {records} SET keys = l_keys + 1 WHERE record = o_record;
            END IF;

            -- A record whose retention is over is as good as swept away.
            IF l_state = 'forgotten' OR l_state <> 'running' AND l_changed <= l_now - l_retention THEN
                l_state := 'released';
                o_attempt := 0;
                UPDATE {records}
                SET created_at = l_now, set_aside_at = NULL, attempts = NULL, source = NULL, event_type = NULL,
                    event_id = NULL, error = NULL, body = NULL
                WHERE record = o_record;
            END IF;
            IF l_state = 'released' OR l_state = 'running' AND l_until <= l_now THEN
                o_verdict := 'granted';
                -- The sequence is behind where it was not copied with the tables.
                o_token := greatest(nextval('{tokens}'), o_token + 1);
                o_attempt := o_attempt + 1;
                UPDATE {records}
                SET state = 'running', token = o_token, attempt = o_attempt, changed_at = l_now,
                    lease_until = l_now + p_lease * interval '1 microsecond'
                WHERE record = o_record;
            ELSE
                o_verdict := l_state;
                o_left := extract(epoch FROM l_until - l_now) * 1000000;
            END IF;
        END
        $claim$;
    END IF;
END
$migrate$;
