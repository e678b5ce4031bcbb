-- Claims the record KEYS[1]. ARGV: the retention in ms; the lease in ms; the call's mark; 8 bytes of its delivery key or nothing; how
-- many delivery keys a record lists; '1' to claim only what is there.
-- Answers 0 absent, 1 granted, 2 running, 3 done, 4 dead; token; attempt; ms left of the lease; whether the delivery key is on the
-- record's list; whether the record may be new.
-- No flags: what needs no write is answered by a full server, too.
local mark, short = ARGV[3], ARGV[4]
local record, problem = read(KEYS[1], redis.pcall('GET', KEYS[1]))
if problem then
  return problem
end
if not record then
  if ARGV[6] == '1' then
    return {0, 0, 0, 0, 0, 0}
  end
  record = {state = 'free', token = 0, attempt = 0, list = ''}
end
local listed, longer = 0, false
if short ~= '' then
  for at = 1, #record.list, 8 do
    if string.sub(record.list, at, at + 7) == short then
      listed = 1
    end
  end
  if listed == 0 and #record.list < 8 * ARGV[5] then
    listed, longer = 1, true
    record.list = record.list .. short
  end
end
-- The same call sent again gets the same answer.
local again = record.state == 'run' and record.mark == mark
local busy = record.state == 'run' and not again and record.left > 0
if busy or record.state == 'done' or record.state == 'dead' then
  problem = longer and write(KEYS[1], record)
  return problem or {busy and 2 or record.state == 'done' and 3 or 4, record.token, record.attempt, record.left, listed, 0}
end
if not again then
  -- From the clock: it grows even across records that were forgotten, or lost in a failover.
  record.token = math.max(record.token + 1, time())
  record.attempt, record.mark = record.attempt + 1, mark
end
problem = run(KEYS[1], record, ARGV[2], ARGV[1])
return problem or {1, record.token, record.attempt, 0, listed, record.attempt == 1 and 1 or 0}
