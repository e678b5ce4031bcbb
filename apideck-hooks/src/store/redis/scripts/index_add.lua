-- Puts ARGV[1] on top of the index KEYS[1], its score never what it was before.
local clock = redis.call('TIME')
local score = clock[1] * 1000000 + clock[2]
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
if before then
  score = math.max(score, tonumber(before) + 1)
end
redis.call('ZADD', KEYS[1], string.format('%.0f', score), ARGV[1])
return 1
