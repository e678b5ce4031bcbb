-- By name, so that events that are paused or not handled are not read.
CREATE INDEX ON {records} (source, event_type, due) WHERE due IS NOT NULL;
CREATE INDEX ON {records} (source, event_type, due) WHERE due IS NOT NULL AND lane IS NULL;
CREATE INDEX ON {records} (source, lane, occurred_at, accepted_at, key)
    WHERE due IS NOT NULL AND lane IS NOT NULL;
-- Two runs of a lane at once are refused here, if all else fails.
CREATE UNIQUE INDEX ON {records} (held_lane) WHERE held_lane IS NOT NULL;

CREATE TABLE {pauses} (
    source text,
    pattern text,
    since bigint NOT NULL,
    PRIMARY KEY (source, pattern)
);
-- The time of the last fetch that has found an event, to the second.
CREATE TABLE {progress} (
    source text PRIMARY KEY,
    fetched_at bigint NOT NULL
);
