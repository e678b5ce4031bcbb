-- Claims the record for a replay of its letter. ARGV: the claim id, the lease and the rests, the
-- milliseconds to keep the record, the source. Answers as the claim does, 0 if the source has no such
-- letter.
if not kept or redis.call('HGET', KEYS[1], 'source') ~= ARGV[4] then
  return {0}
end
if busy > 0 and claim == ARGV[1] then
  -- Written as it is, so that `WAIT` waits for the replicas after a call that is sent again.
  redis.pcall('HSET', KEYS[1], 'facts', facts)
  return {1, token, attempts}
elseif busy > 0 then
  answer = {2, busy, 1}
  if math.max(lease_end - lease_length, rest_end - rest_length) <= now then
    return answer
  end
  -- The clock was set back.
  lease_end, rest_end = math.min(lease_end, now + lease_length), math.min(rest_end, now + rest_length)
end
