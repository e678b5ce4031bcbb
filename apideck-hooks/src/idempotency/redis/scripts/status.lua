#!lua flags=allow-oom
-- The state of the record KEYS[1]: its word, token, attempt, µs left of the lease. Not marked as one that only reads: a
-- replica would run it, and may know nothing yet.
local record = redis.call('HMGET', KEYS[1], 's', 't', 'n', 'u')
if not record[1] then
  return {'', 0, 0, 0}
end
local clock = redis.call('TIME')
local left = math.max(tonumber(record[4] or 0) - (clock[1] * 1000000 + clock[2]), 0)
return {record[1], tonumber(record[2] or 0), tonumber(record[3] or 0), left}
