-- Members of the index KEYS[1] and their scores that are older than ARGV[1] ms, the oldest first. ARGV: the age; how many to
-- pass over; how many.
local clock = redis.call('TIME')
local before = string.format('(%.0f', clock[1] * 1000000 + clock[2] - ARGV[1] * 1000)
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', before, 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3])
