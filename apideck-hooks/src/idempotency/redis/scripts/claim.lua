-- Claims the record KEYS[1].
-- ARGV: the lease in ms; the call's mark; 8 bytes of the delivery key, or nothing; how many of these a record lists;
--   the retention in ms; '1' to claim only what is there.
-- Answers: 0 absent, 1 granted, 2 running, 3 done, 4 dead; token; attempt; µs left of the lease; whether the delivery key
--   is on the record's list; whether the record may be new.
-- No flags: what needs no write is answered by a full server, too.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local record = redis.call('HMGET', KEYS[1], 's', 't', 'n', 'u', 'm', 'a')
local state, list = record[1], record[6] or ''
local token, attempt, till = tonumber(record[2] or 0), tonumber(record[3] or 0), tonumber(record[4] or 0)
if not state and ARGV[6] == '1' then
  return {0, 0, 0, 0, 0, 0}
end

local listed, longer = 0, nil
if ARGV[3] ~= '' then
  for at = 1, #list, 8 do
    if string.sub(list, at, at + 7) == ARGV[3] then
      listed = 1
    end
  end
  if listed == 0 and #list < 8 * tonumber(ARGV[4]) then
    listed, longer = 1, list .. ARGV[3]
  end
end

-- The same call sent again gets the same answer.
local again = state == 'run' and record[5] == ARGV[2]
local busy = state == 'run' and not again and till > now
if busy or state == 'done' or state == 'dead' then
  if longer then
    redis.call('HSET', KEYS[1], 'a', longer)
  end
  return {busy and 2 or state == 'done' and 3 or 4, token, attempt, busy and till - now or 0, listed, 0}
end
if not again then
  -- From the clock: it grows even across records that were forgotten, or lost in a failover.
  token = math.max(token + 1, now)
  attempt = attempt + 1
end
-- Each call costs as much as all the rest of the script: one sets all fields.
redis.call('HSET', KEYS[1], 's', 'run', 't', string.format('%d', token), 'n', string.format('%d', attempt),
  'u', string.format('%d', now + ARGV[1] * 1000), 'm', ARGV[2], 'a', longer or list)
redis.call('PEXPIRE', KEYS[1], string.format('%d', ARGV[1] + ARGV[5]))
return {1, token, attempt, 0, listed, attempt == 1 and 1 or 0}
