#!lua flags=allow-oom
-- Makes the record KEYS[1], which has a letter, claimable. ARGV[1]: the retention in ms.
local record = redis.call('HMGET', KEYS[1], 's', 'u', 'since', 'cut')
if not record[3] or record[4] == '1' then
  return 0
end
local clock = redis.call('TIME')
if record[1] == 'run' and tonumber(record[2] or 0) > clock[1] * 1000000 + clock[2] then
  return 0
end
redis.call('HSET', KEYS[1], 's', 'free', 'n', '0')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
