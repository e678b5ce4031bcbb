-- Binds the alias, if `l_binds`, or lets it last as long as its record.
IF p_alias IS NULL THEN
    RETURN;
END IF;

-- An alias outlives its record. A kept record has no end.
l_end := l_now + p_keep;
IF NOT l_inserted THEN
    l_end := CASE WHEN o_kept OR l_binds
        THEN greatest(r.expires, l_end) ELSE r.expires END;
END IF;
IF l_bound IS NOT NULL AND l_until < l_end THEN
    UPDATE {aliases} a SET expires = greatest(a.expires, l_end)
    WHERE a.alias = p_alias AND a.record = l_bound;
    l_bound := CASE WHEN FOUND THEN l_bound END;
END IF;
IF l_bound IS NOT NULL OR NOT l_binds THEN
    RETURN;
END IF;
INSERT INTO {aliases} VALUES (p_alias, o_record, l_end) ON CONFLICT DO NOTHING;
IF FOUND THEN
    RETURN;
END IF;
-- Another claim has bound it, or its record is gone. Only the next statements see which.
SELECT a.record, a.expires INTO r FROM {aliases} a WHERE a.alias = p_alias FOR UPDATE;
IF FOUND AND (
    r.record = o_record OR r.expires <= {now} OR NOT EXISTS (
        SELECT FROM {records} k
        WHERE k.key = r.record AND (k.body IS NOT NULL OR k.expires > {now})
    )
) THEN
    UPDATE {aliases} a SET record = o_record, expires = greatest(a.expires, l_end)
    WHERE a.alias = p_alias;
    RETURN;
END IF;
-- The other claim was first. The caller sends this one again.
RAISE EXCEPTION 'another claim has bound the delivery key' USING ERRCODE = 'serialization_failure';
