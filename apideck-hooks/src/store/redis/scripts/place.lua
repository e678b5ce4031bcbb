-- Gives the record ARGV[1] the newest place in the list KEYS[1], unless it has none yet and the list
-- has ARGV[2] places. Answers its time, and its time before or ''. Nothing if the list is full.
-- No two places have one time, and a new place is always the first, also after the clock was set back.
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not before and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return {}
end
local clock = redis.call('TIME')
local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
local at = math.max(clock[1] * 1000000 + clock[2], (tonumber(newest) or 0) + 1)
redis.call('ZADD', KEYS[1], string.format('%.0f', at), ARGV[1])
return {string.format('%.0f', at), before and string.format('%.0f', before) or ''}
