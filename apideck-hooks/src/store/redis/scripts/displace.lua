-- Takes the place of the record ARGV[1] in the list KEYS[1] back, if its time is still ARGV[2], and was
-- ARGV[4] ago unless that is 0. ARGV[3]: its time before, or ''.
-- The time of a place can be ahead of the clock, after the clock was set back.
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
local clock, age = redis.call('TIME'), tonumber(ARGV[4])
if not at or tonumber(at) ~= tonumber(ARGV[2])
  or age > 0 and clock[1] * 1000000 + clock[2] - at < age then
  return 0
end
if ARGV[3] == '' then
  return redis.call('ZREM', KEYS[1], ARGV[1])
end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
