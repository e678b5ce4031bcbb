#!lua flags=allow-oom
-- Settles the record KEYS[1]. ARGV: the token; the call's mark; 'done', 'free' or 'dead'; the retention in ms; for 'dead'
-- source, event type, event id, error, body, and '1' if the body was too large to keep.
local record = redis.call('HMGET', KEYS[1], 's', 't', 'm', 'n', 'since')
if record[2] ~= ARGV[1] then
  return 0
end
if record[1] ~= 'run' then
  -- The same call sent again gets the same answer.
  return record[3] == ARGV[2] and record[1] == ARGV[3] and 1 or 0
end
redis.call('HSET', KEYS[1], 's', ARGV[3], 'm', ARGV[2])
if ARGV[3] == 'done' and record[5] then
  redis.call('HDEL', KEYS[1], 'since', 'tries', 'source', 'type', 'id', 'error', 'body', 'cut')
elseif ARGV[3] == 'dead' then
  local clock = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'since', string.format('%.0f', clock[1] * 1000000 + clock[2]), 'tries', record[4] or '0',
    'source', ARGV[5], 'type', ARGV[6], 'id', ARGV[7], 'error', ARGV[8], 'body', ARGV[9], 'cut', ARGV[10])
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
