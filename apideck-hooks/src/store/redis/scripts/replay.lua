-- Claims the record for a replay of its letter. ARGV: the source, claim id, lease, retention, the
-- rests. Answers as the claim does, 0 if the source has no such letter.
if not kept or redis.call('HGET', KEYS[1], 'source') ~= ARGV[1] then
  return {0, 0, 0, 0, 0}
end
local busy = lease_left()
if busy == 0 then
  grant(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
elseif r.claim == ARGV[2] then
  touch()
else
  return {2, busy, 1, 0, 0}
end
return {1, r.token, r.attempts, 0, 0}
