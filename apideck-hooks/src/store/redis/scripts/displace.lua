-- Takes the place of the record ARGV[1] in the list KEYS[1] back, if its time is still ARGV[2] and was
-- ARGV[4] ago. ARGV[3]: its time before, or ''.
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
local clock = redis.call('TIME')
if not at or tonumber(at) ~= tonumber(ARGV[2]) or clock[1] * 1000000 + clock[2] - at < tonumber(ARGV[4]) then
  return 0
end
if ARGV[3] == '' then
  return redis.call('ZREM', KEYS[1], ARGV[1])
end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
