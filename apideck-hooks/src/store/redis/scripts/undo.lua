-- Takes back a claim that lost its delivery key to another record. ARGV: the grant, the milliseconds to
-- keep the record, the time of the letter that the claim wrote or '', '1' if it made the record.
if not facts or phase ~= RUNNING or string.sub(facts, 2, 25) ~= ARGV[1] then
  return 0
end
local own = not kept or dead_at == tonumber(ARGV[3])
if own and ARGV[4] == '1' then
  return redis.call('DEL', KEYS[1])
end
if own then
  dead_at = 0
end
phase, attempts, rest_end, rest_length = WITHDRAWN, math.max(attempts - 1, 0), 0, 0
keep, answer = ARGV[2], 1
