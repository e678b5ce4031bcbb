-- Before every script on records: what a record looks like.
--
-- Without a letter it is a string, as one command then makes it, and another one changes it with all that it holds:
--   1–8 while it runs the token as a number; else, and as soon as a command has settled it, the largest number there is (SETTLED)
--   9 the state, 'r'un, 'f'ree or 'd'one · 10–25 the token in digits · 26–41 the ms that the key still has when the lease ends
--   42–51 the attempt · 52–67 the mark of the last call · 68– eight bytes of each delivery key
-- A string of 8 bytes is none: it is left by a command that was to settle what is gone (see call.rs).
-- With a letter it is a hash: s, t, u, n, m, a for the same, and since, tries, source, type, id, error, body, cut. Redis tells
-- the one from the other, so neither is ever read as the other.
local SETTLED = '\127' .. string.rep('\255', 7)

-- What `GET` answers for the record `key`, read: nothing if there is none; or nothing and an error.
local function read(key, value)
  if not value then
    return nil
  end
  local record
  if type(value) == 'string' then
    if #value == 8 then
      return nil
    end
    if #value < 67 or not string.find(string.sub(value, 9, 51), '^[rfd]%d+$') then
      return nil, {err = 'ERR what is kept there is no record'}
    end
    local letter = string.sub(value, 9, 9)
    local done = letter == 'd' or letter == 'r' and string.sub(value, 1, 8) == SETTLED
    record = {state = done and 'done' or letter == 'r' and 'run' or 'free', token = tonumber(string.sub(value, 10, 25)),
      rest = tonumber(string.sub(value, 26, 41)), attempt = tonumber(string.sub(value, 42, 51)),
      mark = string.sub(value, 52, 67), list = string.sub(value, 68)}
  elseif string.sub(value.err, 1, 9) ~= 'WRONGTYPE' then
    return nil, value
  else
    local fields = redis.pcall('HMGET', key, 's', 't', 'u', 'n', 'm', 'a', 'since', 'cut')
    if fields.err then
      return nil, fields
    end
    record = {state = fields[1] or '', token = tonumber(fields[2] or 0) or 0, rest = tonumber(fields[3] or 0) or 0,
      attempt = tonumber(fields[4] or 0) or 0, mark = string.sub((fields[5] or '') .. string.rep('\0', 16), 1, 16),
      list = fields[6] or '', letter = fields[7], cut = fields[8] == '1'}
  end
  -- Milliseconds of the lease. By how long the key is kept: a command that makes a record cannot ask for the time.
  record.left = record.state == 'run' and math.max(redis.call('PTTL', key) - record.rest, 0) or 0
  return record
end

-- Keeps the record for `life` ms, or as long as before; an error if it could not.
local function write(key, record, life)
  local token, rest = string.format('%016.0f', record.token), string.format('%016.0f', record.rest)
  local attempt = string.format('%010.0f', record.attempt)
  local answer
  if record.letter or record.state == 'dead' then
    answer = redis.pcall('HSET', key, 's', record.state, 't', token, 'u', rest, 'n', attempt, 'm', record.mark, 'a', record.list)
    if life and type(answer) ~= 'table' then
      answer = redis.pcall('PEXPIRE', key, life)
    end
  else
    local guard = record.state == 'run' and struct.pack('>I8', record.token) or SETTLED
    local text = guard .. string.sub(record.state, 1, 1) .. token .. rest .. attempt .. record.mark .. record.list
    if life then
      answer = redis.pcall('SET', key, text, 'PX', life)
    else
      answer = redis.pcall('SET', key, text, 'KEEPTTL')
    end
  end
  return type(answer) == 'table' and answer.err and answer or nil
end

-- Microseconds.
local function time()
  local clock = redis.call('TIME')
  return clock[1] * 1000000 + clock[2]
end

-- Starts a lease of so many ms; an error if it could not. The key is kept for a hundred of them and the retention: what a command
-- settles is kept as long as it was then, so for the retention at the least, unless it is settled so many leases late.
local function run(key, record, lease, retention)
  record.state, record.rest = 'run', 99 * lease + retention
  return write(key, record, string.format('%.0f', 100 * lease + retention))
end

-- The record KEYS[1], if it was last claimed under this token, in digits; or nothing and what to answer.
local function owned(token)
  local record, problem = read(KEYS[1], redis.pcall('GET', KEYS[1]))
  if not record or string.format('%016.0f', record.token) ~= token then
    return nil, problem or 0
  end
  return record
end
