-- The tables without the inbox, as the format 2 has them, and the inbox's columns.
CREATE TABLE {format} (version integer NOT NULL);
INSERT INTO {format} VALUES (3);

-- A claim and an end change no column of an index, and each page has room to spare. So their
-- updates stay in the page and touch no index.
CREATE TABLE {records} (
    key bytea PRIMARY KEY,
    -- 0 running, 1 done, 2 released, 3 dead, 4 withdrawn, 5 interrupted.
    phase smallint NOT NULL,
    token bigint NOT NULL,
    claim_id bytea NOT NULL,
    attempts integer NOT NULL,
    interrupted smallint NOT NULL,
    lease_end bigint NOT NULL,
    lease_length bigint NOT NULL,
    rest_end bigint NOT NULL,
    rest_length bigint NOT NULL,
    first_seen bigint NOT NULL,
    expires bigint NOT NULL,
    -- The event of a dead letter, or an accepted one. The body is there as long as either is.
    source text,
    event_type text,
    event_id text,
    entity_id text,
    consumer_id text,
    context text,
    error text,
    body bytea,
    dead_at bigint,
    -- NULL unless the inbox has accepted the event, and until it is done.
    accepted_at bigint,
    -- The time from which on a worker can claim the event. A run leaves it as it is, so that the
    -- claim of a worker touches no index either. NULL for a dead letter.
    due bigint,
    lane text,
    -- The time of the event, which orders its lane.
    occurred_at bigint,
    idempotency_key text,
    -- The lane, while an ordered run or a replay has it.
    held_lane text
) WITH (fillfactor = 70);
CREATE INDEX ON {records} (first_seen) WHERE body IS NULL;
CREATE INDEX ON {records} (source, dead_at, key) WHERE dead_at IS NOT NULL;

CREATE TABLE {aliases} (
    alias bytea PRIMARY KEY,
    record bytea NOT NULL,
    expires bigint NOT NULL
);
CREATE INDEX ON {aliases} (expires);
