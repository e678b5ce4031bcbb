#!lua flags=allow-oom
-- Makes the record KEYS[1] run again under the token ARGV[1], if the call with the mark ARGV[2] has set it aside. Its lease
-- was not changed. ARGV[3]: the retention in ms.
local record = redis.call('HMGET', KEYS[1], 's', 't', 'm')
if record[1] ~= 'dead' or record[2] ~= ARGV[1] or record[3] ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 's', 'run')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
