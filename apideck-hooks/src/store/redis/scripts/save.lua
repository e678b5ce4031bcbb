-- Writes the record, and a new letter. The `HSET` is first, because it is the only write that a full
-- server refuses. The expiry is written only if it changes.
if keep and now + 1000 * keep > expires then
  expires = now + 1000 * keep
else
  keep = nil
end
facts = struct.pack(FACTS, VERSION, token, claim, phase, interrupted, attempts, lease_end, lease_length, rest_end,
  rest_length, first_seen, expires, dead_at)
if letter then
  redis.call('HSET', KEYS[1], 'facts', facts, unpack(ARGV, letter, #ARGV - 1))
else
  redis.call('HSET', KEYS[1], 'facts', facts)
end
if kept and dead_at == 0 then
  redis.call('HDEL', KEYS[1], 'source', 'event_type', 'event_id', 'entity_id', 'consumer_id', 'context', 'error',
    'body')
  redis.call('PEXPIREAT', KEYS[1], string.format('%d', math.ceil(expires / 1000)))
elseif letter and not kept then
  redis.call('PERSIST', KEYS[1])
elseif keep and not kept then
  redis.call('PEXPIRE', KEYS[1], keep)
end
return answer
