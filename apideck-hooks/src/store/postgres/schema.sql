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
        -- in its page and touches no index. No constraint on `state`: it would be read and planned anew by every insert and
        -- every update.
        CREATE TABLE {records} (
            record bytea PRIMARY KEY,
            -- The delivery key that the record was made under. A further one is a row of its own: an 'alias', named after
            -- it, of which only `alias_of` and `created_at` mean something. So one index tells that a key is bound once.
            delivery bytea UNIQUE,
            alias_of bytea,
            -- 'running', 'released', 'done', 'dead', 'alias'.
            state text NOT NULL,
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

        -- No token is given twice, however often a record was swept away: an owner from a record's earlier life cannot
        -- settle a later one.
        CREATE SEQUENCE {tokens};
    END IF;

    IF to_regprocedure('{claim}(bytea, bytea, bigint, bigint)') IS NULL THEN
        -- Times in microseconds. Answers the verdict, the token, the attempt, what is left of the lease, and the record in
        -- hexadecimal, as one text: to read one value costs less than a row.
        --
        -- A function, because each of its statements sees what was committed before that statement. One plain statement
        -- sees one snapshot: it cannot tell a delivery key whose record another session has just written from one whose
        -- record is long forgotten, and would bind the key anew.
        --
        -- Rows are locked in the order of their names. A lock is waited for no longer than a caller waits, so that calls
        -- given up do not pile up in the server.
        CREATE FUNCTION {claim}(p_event bytea, p_delivery bytea, p_lease bigint, p_retention bigint)
        RETURNS text LANGUAGE plpgsql VOLATILE SET lock_timeout = '5s' AS $claim$
        DECLARE
            l_retention CONSTANT interval := p_retention * interval '1 microsecond';
            l_lease CONSTANT interval := p_lease * interval '1 microsecond';
            -- The row that has the delivery key.
            l_holder bytea;
            -- The record that it is bound to.
            l_bound bytea;
            -- The record that is claimed.
            l_record bytea;
            l_row record;
            l_now timestamptz;
            l_kept boolean;
            -- Whether the delivery key is to be bound.
            l_bind boolean;
            l_locked bytea[];
            l_token bigint;
        BEGIN
            -- Again when rows have changed between their reading and their locking. Nobody is that unlucky for long.
            FOR l_round IN 1..100 LOOP
                l_now := clock_timestamp();
                INSERT INTO {records} (record, delivery, state, token, attempt, keys, lease_until, created_at, changed_at)
                SELECT
                    p_event, p_delivery, 'running', nextval('{tokens}'), 1, (p_delivery IS NOT NULL)::integer,
                    l_now + l_lease, l_now, l_now
                WHERE NOT EXISTS (SELECT FROM {records} r WHERE r.record = p_event)
                ON CONFLICT DO NOTHING
                RETURNING token INTO l_token;
                IF FOUND THEN
                    RETURN format('granted %s 1 0 %s', l_token, encode(p_event, 'hex'));
                END IF;

                -- The record that the delivery key is bound to, if it is kept, else the event's.
                SELECT r.record, coalesce(r.alias_of, r.record) INTO l_holder, l_bound
                FROM {records} r WHERE r.delivery = p_delivery;
                l_record := l_bound;
                l_now := clock_timestamp();
                SELECT r.state, r.keys, r.lease_until, {kept_by_claim} AS kept INTO l_row
                FROM {records} r WHERE r.record = l_record;
                l_kept := FOUND AND l_row.kept;
                l_bind := p_delivery IS NOT NULL AND NOT l_kept;
                IF NOT l_kept THEN
                    l_record := p_event;
                    SELECT r.state, r.keys, r.lease_until, {kept_by_claim} AS kept INTO l_row
                    FROM {records} r WHERE r.record = p_event;
                    l_kept := FOUND AND l_row.kept;
                    -- A record takes no more than so many: who sends one body under ever new keys writes nothing.
                    l_bind := l_bind AND (l_holder IS NOT NULL OR NOT l_kept OR l_row.keys < {max_keys});
                END IF;
                -- A duplicate changes nothing: it is answered without a lock and without a write.
                IF l_kept AND NOT l_bind THEN
                    IF l_row.state IN ('done', 'dead') THEN
                        RETURN format('%s 0 0 0 %s', l_row.state, encode(l_record, 'hex'));
                    ELSIF l_row.state = 'running' AND l_row.lease_until > l_now THEN
                        RETURN format(
                            'running 0 0 %s %s', (extract(epoch FROM l_row.lease_until - l_now) * 1000000)::bigint,
                            encode(l_record, 'hex')
                        );
                    END IF;
                END IF;

                BEGIN
                    -- All rows that are written below, and those that decide about it.
                    SELECT coalesce(array_agg(l.record), '{}') INTO l_locked FROM (
                        SELECT r.record FROM {records} r
                        WHERE r.record IN
                            (l_record, CASE WHEN l_bind THEN l_holder END, CASE WHEN l_bind THEN l_bound END)
                        ORDER BY r.record FOR UPDATE
                    ) l;
                    -- Only now: the locks may have been waited for.
                    l_now := clock_timestamp();

                    IF l_bind AND l_bound <> p_event THEN
                        -- It is bound to a record that is forgotten: it is free, unless another was faster.
                        PERFORM FROM {records} h LEFT JOIN {records} r ON r.record = l_bound
                        WHERE h.record = l_holder AND h.record = ANY (l_locked) AND h.delivery = p_delivery
                            AND (r.record = ANY (l_locked)) IS NOT FALSE
                            AND coalesce(h.alias_of, h.record) = l_bound AND ({kept_by_claim}) IS NOT TRUE;
                        IF NOT FOUND THEN
                            RAISE SQLSTATE 'AH001';
                        END IF;
                        DELETE FROM {records} WHERE record = l_holder AND alias_of IS NOT NULL;
                        UPDATE {records} SET delivery = NULL WHERE record = l_holder;
                    END IF;

                    SELECT r.state, r.token, r.attempt, r.keys, r.lease_until, {kept_by_claim} AS kept INTO l_row
                    FROM {records} r WHERE r.record = l_record;
                    IF FOUND AND l_record <> ALL (l_locked) THEN
                        -- Made while the other locks were waited for. To lock it now would be out of order: a dead-lock.
                        RAISE SQLSTATE 'AH001';
                    ELSIF NOT FOUND AND l_record = p_event THEN
                        -- A further key from the record's earlier life is its first one now.
                        DELETE FROM {records}
                        WHERE l_bind AND record = l_holder AND record = ANY (l_locked) AND alias_of = p_event;
                        INSERT INTO {records}
                            (record, delivery, state, token, attempt, keys, lease_until, created_at, changed_at)
                        VALUES (
                            p_event, p_delivery, 'running', nextval('{tokens}'), 1, (p_delivery IS NOT NULL)::integer,
                            l_now + l_lease, l_now, l_now
                        )
                        ON CONFLICT DO NOTHING
                        RETURNING token INTO l_token;
                        IF NOT FOUND THEN
                            RAISE SQLSTATE 'AH001';
                        END IF;
                        RETURN format('granted %s 1 0 %s', l_token, encode(p_event, 'hex'));
                    ELSIF l_record <> p_event AND l_row.kept IS NOT TRUE THEN
                        RAISE SQLSTATE 'AH001';
                    END IF;

                    IF l_bind AND l_bound IS DISTINCT FROM p_event AND l_row.keys < {max_keys} THEN
                        INSERT INTO {records}
                            (record, delivery, alias_of, state, token, attempt, keys, created_at, changed_at)
                        VALUES (p_delivery || '\x61', p_delivery, p_event, 'alias', 0, 0, 0, l_now, l_now)
                        ON CONFLICT DO NOTHING;
                        IF NOT FOUND THEN
                            RAISE SQLSTATE 'AH001';
                        END IF;
                        UPDATE {records} SET keys = keys + 1 WHERE record = p_event;
                    END IF;

                    -- A record whose retention is over is as good as swept away.
                    IF NOT l_row.kept THEN
                        l_row.state := 'released';
                        l_row.attempt := 0;
                        UPDATE {records}
                        SET created_at = l_now, set_aside_at = NULL, attempts = NULL, source = NULL, event_type = NULL,
                            event_id = NULL, error = NULL, body = NULL
                        WHERE record = l_record;
                    END IF;
                    IF l_row.state = 'released' OR l_row.state = 'running' AND l_row.lease_until <= l_now THEN
                        -- The sequence is behind where it was not copied with the table.
                        l_token := greatest(nextval('{tokens}'), l_row.token + 1);
                        UPDATE {records}
                        SET state = 'running', token = l_token, attempt = l_row.attempt + 1, changed_at = l_now,
                            lease_until = l_now + l_lease
                        WHERE record = l_record;
                        RETURN format('granted %s %s 0 %s', l_token, l_row.attempt + 1, encode(l_record, 'hex'));
                    END IF;
                    RETURN format(
                        '%s 0 0 %s %s', l_row.state,
                        coalesce((extract(epoch FROM l_row.lease_until - l_now) * 1000000)::bigint, 0),
                        encode(l_record, 'hex')
                    );
                EXCEPTION WHEN SQLSTATE 'AH001' THEN
                    -- What was read has changed. The locks are let go, so that the next ones are in order again.
                    NULL;
                END;
            END LOOP;
            RAISE EXCEPTION 'the rows of a claim change faster than they can be locked'
                USING ERRCODE = 'serialization_failure';
        END
        $claim$;
    END IF;
END
$migrate$;
