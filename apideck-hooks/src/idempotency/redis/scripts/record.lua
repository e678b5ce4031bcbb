-- Before every script on records: what a record looks like.
--
-- Without a letter it is a string, as one command then makes it, and another one changes it with all that it holds:
--   1 the state, 'r'un, 'f'ree or 'd'one · 2–17 the token · 18–33 the lease's end in µs · 34–43 the attempt
--   44–59 the mark of the last call · 60– eight bytes of each delivery key
-- With a letter it is a hash: s, t, u, n, m, a for the same, and since, tries, source, type, id, error, body, cut. Redis tells
-- the one from the other, so neither is ever read as the other.

-- How to read a record and to write one. The scripts that are run for every event do not ask for it in the common case: that
-- costs more than what they do.
local function records()
  -- What `GET` answers for the record `key`, read: nothing if there is none; or nothing and an error.
  local function read(key, value)
    if not value then
      return nil
    end
    if type(value) == 'string' then
      if #value < 59 or not string.find(string.sub(value, 1, 43), '^[rfd]%d+$') then
        return nil, {err = 'ERR what is kept there is no record'}
      end
      local letter = string.sub(value, 1, 1)
      return {state = letter == 'r' and 'run' or letter == 'f' and 'free' or 'done', token = tonumber(string.sub(value, 2, 17)),
        till = tonumber(string.sub(value, 18, 33)), attempt = tonumber(string.sub(value, 34, 43)),
        mark = string.sub(value, 44, 59), list = string.sub(value, 60)}
    end
    if string.sub(value.err, 1, 9) ~= 'WRONGTYPE' then
      return nil, value
    end
    local fields = redis.pcall('HMGET', key, 's', 't', 'u', 'n', 'm', 'a', 'since', 'cut')
    if fields.err then
      return nil, fields
    end
    return {state = fields[1] or '', token = tonumber(fields[2] or 0) or 0, till = tonumber(fields[3] or 0) or 0,
      attempt = tonumber(fields[4] or 0) or 0, mark = string.sub((fields[5] or '') .. string.rep('\0', 16), 1, 16),
      list = fields[6] or '', letter = fields[7], cut = fields[8] == '1'}
  end

  -- Keeps the record for `life` ms, or as long as before; an error if it could not.
  local function write(key, record, life)
    local token, till = string.format('%016d', record.token), string.format('%016d', record.till)
    local attempt = string.format('%010d', record.attempt)
    local answer
    if record.letter or record.state == 'dead' then
      answer = redis.pcall('HSET', key, 's', record.state, 't', token, 'u', till, 'n', attempt, 'm', record.mark, 'a', record.list)
      if life and type(answer) ~= 'table' then
        answer = redis.pcall('PEXPIRE', key, life)
      end
    else
      local text = string.sub(record.state, 1, 1) .. token .. till .. attempt .. record.mark .. record.list
      if life then
        answer = redis.pcall('SET', key, text, 'PX', life)
      else
        answer = redis.pcall('SET', key, text, 'KEEPTTL')
      end
    end
    return type(answer) == 'table' and answer.err and answer or nil
  end

  return read, write
end

local function time()
  local clock = redis.call('TIME')
  return clock[1] * 1000000 + clock[2]
end
