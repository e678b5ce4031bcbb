#!lua flags=allow-oom
-- Forgets the record KEYS[1], which has a letter.
local record = redis.call('HMGET', KEYS[1], 's', 'u', 'since')
if not record[3] then
  return 0
end
local clock = redis.call('TIME')
if record[1] == 'run' and tonumber(record[2] or 0) > clock[1] * 1000000 + clock[2] then
  return 0
end
return redis.call('DEL', KEYS[1])
