-- Claims records, each for a call of its own: none knows of another's error.
-- KEYS: for each call its record, and its delivery key's alias if it binds one.
-- ARGV: the retention in ms; how long an alias is kept in ms; how many delivery keys a record lists; '1' to claim only what is
--   there; then for each call the lease in ms, its mark, 8 bytes of its delivery key or nothing, what to bind the alias to or
--   nothing.
-- Answers for each call: the token, if there was neither record nor binding. Else 0 absent, 1 granted, 2 running, 3 done,
--   4 dead; token; attempt; µs left of the lease; whether the delivery key is on the record's list; whether the record may be
--   new; what the alias was bound to before. Or -1 and an error.
-- No flags: what needs no write is answered by a full server, too.
local now, pcall = time(), redis.pcall
local retention, alias_life, most, kept = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local lease, mark, short, life, head, last

-- Claims a record that is there, as `value` says.
local function claim(key, value)
  local read, write = records()
  local record, problem = read(key, value)
  if not record then
    return problem and {-1, problem.err} or {0, 0, 0, 0, 0, 0}
  end
  local listed, longer = 0, false
  if short ~= '' then
    for at = 1, #record.list, 8 do
      if string.sub(record.list, at, at + 7) == short then
        listed = 1
      end
    end
    if listed == 0 and #record.list < 8 * most then
      listed, longer = 1, true
      record.list = record.list .. short
    end
  end
  -- The same call sent again gets the same answer.
  local again = record.state == 'run' and record.mark == mark
  local busy = record.state == 'run' and not again and record.till > now
  if busy or record.state == 'done' or record.state == 'dead' then
    problem = longer and write(key, record)
    if problem then
      return {-1, problem.err}
    end
    return {busy and 2 or record.state == 'done' and 3 or 4, record.token, record.attempt, busy and record.till - now or 0,
      listed, 0}
  end
  if not again then
    -- From the clock: it grows even across records that were forgotten, or lost in a failover.
    record.token = math.max(record.token + 1, now)
    record.attempt = record.attempt + 1
  end
  record.state, record.till, record.mark = 'run', now + lease * 1000, mark
  problem = write(key, record, life)
  if problem then
    return {-1, problem.err}
  end
  return {1, record.token, record.attempt, 0, listed, record.attempt == 1 and 1 or 0}
end

-- A full server may still be asked: what a key holds if making it was answered so. An error of another kind than of the key is
-- the server's, and every call's.
local function ask(key, answer)
  if type(answer) == 'table' and string.sub(answer.err, 1, 3) == 'OOM' then
    answer = pcall('GET', key) or answer
  end
  local broken = type(answer) == 'table' and not string.find(answer.err, '^OOM') and not string.find(answer.err, '^WRONGTYPE')
  return answer, broken
end

local answers, at, arg = {}, 1, 5
for call = 1, (#ARGV - 4) / 4 do
  local key, binding, value, answer = KEYS[at], ARGV[arg + 3], nil, nil
  lease, mark, short = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2]
  if lease ~= last then
    last, life = lease, string.format('%.0f', lease + retention)
    head = string.format('r%016d%016d0000000001', now, now + lease * 1000)
  end
  if kept then
    value = pcall('GET', key)
  else
    -- One command makes a record, or says what is there. Each costs as much as all the rest.
    value = pcall('SET', key, head .. mark .. short, 'NX', 'GET', 'PX', life)
  end
  if value or kept then
    local broken
    value, broken = ask(key, value)
    if broken then
      return value
    end
    answer = claim(key, value)
  else
    answer = now
  end
  at, arg = at + 1, arg + 4
  if binding ~= '' then
    local claimed = answer == now or answer[1] > 0
    local bound = claimed and pcall('SET', KEYS[at], binding, 'NX', 'GET', 'PX', alias_life)
    if bound then
      bound = ask(KEYS[at], bound)
      if answer == now then
        answer = {1, now, 1, 0, 1, 1}
      end
      if type(bound) == 'table' then
        answer = {-1, bound.err}
      else
        answer[7] = bound
      end
    end
    at = at + 1
  end
  answers[call] = answer
end
return answers
