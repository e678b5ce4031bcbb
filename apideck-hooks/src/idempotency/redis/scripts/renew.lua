#!lua flags=allow-oom
-- Starts the lease of the record KEYS[1] again. ARGV: the token; the lease in ms; the retention in ms.
local record = redis.call('HMGET', KEYS[1], 's', 't')
if record[1] ~= 'run' or record[2] ~= ARGV[1] then
  return 0
end
local clock = redis.call('TIME')
redis.call('HSET', KEYS[1], 'u', string.format('%.0f', clock[1] * 1000000 + clock[2] + ARGV[2] * 1000))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ARGV[3]))
return 1
