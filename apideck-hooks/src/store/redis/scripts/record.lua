-- Precedes every script on a record. Reads the record KEYS[1] into `r` and makes the decisions that
-- the scripts share, as record.rs does. Times and lengths are microseconds of this server's clock.
-- Doubles hold them exactly up to the year 2255.
local RUNNING, DONE, RELEASED, DEAD, WITHDRAWN, INTERRUPTED = 0, 1, 2, 3, 4, 5
local MAX_INTERRUPTED = 3
-- A letter is not written longer than this after it got its place in the list, because places
-- without a letter are removed later. The clocks of two servers of a cluster can differ by less.
local MAX_PLACE_AGE = 12 * 3600 * 1000000

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local fields = redis.call('HMGET', KEYS[1], 'phase', 'token', 'claim', 'attempts', 'interrupted', 'lease_end',
  'lease_length', 'rest_end', 'rest_length', 'first_seen', 'expires', 'dead_at')

local function number(at, default)
  return tonumber(fields[at]) or default
end

local kept = fields[12] ~= false
local absent = not kept and number(11, 0) <= now
local r = {
  phase = number(1, WITHDRAWN), token = number(2, 0), claim = fields[3] or '', attempts = number(4, 0),
  interrupted = number(5, 0), lease_end = number(6, 0), lease_length = number(7, 0), rest_end = number(8, 0),
  rest_length = number(9, 0), first_seen = number(10, now), expires = number(11, 0)
}

-- The time left of a wait. It is never longer than its length, so that a clock that was set back
-- keeps nobody waiting.
local function left(wait_end, length)
  return math.max(0, math.min(wait_end - now, length))
end

local function lease_left()
  return r.phase == RUNNING and left(r.lease_end, r.lease_length) or 0
end

-- Redis itself would write a number with the digits of a double, which takes longer than the `HSET`.
local function text(number)
  return string.format('%d', number)
end

-- The changes, as the fields and values of an `HSET`. A field that was never set counts as zero.
local changes, count = {}, 0

local function set(field, value)
  r[field] = value
  changes[count + 1], changes[count + 2] = field, type(value) == 'number' and text(value) or value
  count = count + 2
end

local function keep_for(time)
  if now + time > r.expires then
    set('expires', now + time)
  end
end

local function next_token()
  set('token', math.max(r.token + 1, now))
end

-- Writes the changes, and a letter whose fields and values begin at this position of ARGV. The `HSET`
-- is first, because it is the only write that a full server refuses.
local function save(letter)
  local expires = absent and 0 or number(11, 0)
  if letter then
    kept = true
    for at = letter, #ARGV do
      count = count + 1
      changes[count] = ARGV[at]
    end
  end
  redis.call('HSET', KEYS[1], unpack(changes))
  if kept then
    redis.call('PERSIST', KEYS[1])
  elseif r.expires ~= expires then
    redis.call('PEXPIREAT', KEYS[1], text(math.ceil(r.expires / 1000)))
  end
end

-- Writes the changes and drops the letter.
local function save_without_letter()
  save()
  redis.call('HDEL', KEYS[1], 'source', 'event_type', 'event_id', 'entity_id', 'consumer_id', 'context', 'error',
    'body', 'dead_at')
  redis.call('PEXPIREAT', KEYS[1], text(math.ceil(r.expires / 1000)))
end

-- Grants a claim. `rests` are the rests after eight attempts, each of eight bytes.
local function grant(id, lease, retention, rests, letter)
  local attempt = r.attempts + 1
  local rest = struct.unpack('>I8', rests, 8 * math.min(attempt, 8) - 7)
  next_token()
  set('phase', RUNNING)
  set('claim', id)
  set('attempts', attempt)
  set('lease_end', now + lease)
  set('lease_length', lease)
  set('rest_end', now + rest)
  set('rest_length', rest)
  keep_for(lease + retention)
  save(letter)
end

local function is_held_by(token, id)
  return fields[2] == token and fields[3] == id
end

-- Writes a field as it is, so that `WAIT` waits for the replicas after a call that is sent again.
local function touch()
  redis.pcall('HSET', KEYS[1], 'claim', r.claim)
end

local function end_rest()
  set('rest_end', 0)
  set('rest_length', 0)
end

local function take_back()
  set('attempts', math.max(r.attempts - 1, 0))
  end_rest()
end

local function place_is_fresh()
  return now - ARGV[#ARGV] < MAX_PLACE_AGE
end
