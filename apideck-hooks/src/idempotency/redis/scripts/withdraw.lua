#!lua flags=allow-oom
-- Takes back what the call with the mark ARGV[1] did to the record KEYS[1], as if it had never come.
-- ARGV: the mark; 8 bytes of a delivery key to take off the list, or nothing; the retention in ms.
local record = redis.call('HMGET', KEYS[1], 's', 'm', 'n', 'a', 'since')
if not record[1] then
  return 0
end
local list, kept = record[4] or '', ''
for at = 1, #list, 8 do
  local key = string.sub(list, at, at + 7)
  if key ~= ARGV[2] then
    kept = kept .. key
  end
end
local attempt = math.max(tonumber(record[3] or 0) - 1, 0)
local mine = record[1] == 'run' and record[2] == ARGV[1]
if mine and attempt == 0 and kept == '' and not record[5] then
  redis.call('DEL', KEYS[1])
  return 1
end
redis.call('HSET', KEYS[1], 'a', kept)
if mine then
  redis.call('HSET', KEYS[1], 's', 'free', 'n', string.format('%.0f', attempt))
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
