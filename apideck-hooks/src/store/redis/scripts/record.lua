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

local function keep_for(time)
  r.expires = math.max(r.expires, now + time)
end

local function next_token()
  r.token = math.max(r.token + 1, now)
end

-- Writes the record, and the fields and values that follow. The `HSET` is first, because it is the
-- only write that a full server refuses.
local function save(...)
  redis.call('HSET', KEYS[1], 'phase', r.phase, 'token', r.token, 'claim', r.claim, 'attempts', r.attempts,
    'interrupted', r.interrupted, 'lease_end', r.lease_end, 'lease_length', r.lease_length, 'rest_end', r.rest_end,
    'rest_length', r.rest_length, 'first_seen', r.first_seen, 'expires', r.expires, ...)
  if kept then
    redis.call('PERSIST', KEYS[1])
  else
    redis.call('PEXPIREAT', KEYS[1], math.ceil(r.expires / 1000))
  end
end

-- Grants a claim. `rest` is the position in ARGV of the rest after the first attempt of eight.
local function grant(id, lease, retention, rest, ...)
  r.phase, r.claim, r.attempts = RUNNING, id, r.attempts + 1
  next_token()
  r.lease_end, r.lease_length = now + lease, tonumber(lease)
  r.rest_length = tonumber(ARGV[rest + math.min(r.attempts, 8) - 1])
  r.rest_end = now + r.rest_length
  keep_for(lease + retention)
  save(...)
end

local function is_held_by(token, id)
  return fields[2] == token and fields[3] == id
end

-- Writes a field as it is, so that `WAIT` waits for the replicas after a call that is sent again.
local function touch()
  redis.pcall('HSET', KEYS[1], 'claim', r.claim)
end

local function take_back()
  r.attempts = math.max(r.attempts - 1, 0)
  r.rest_end, r.rest_length = 0, 0
end

-- Writes the record and drops its letter.
local function save_without_letter()
  kept = false
  save()
  redis.call('HDEL', KEYS[1], 'source', 'event_type', 'event_id', 'entity_id', 'consumer_id', 'context', 'error',
    'body', 'dead_at')
end

local function place_is_fresh()
  return now - ARGV[#ARGV] < MAX_PLACE_AGE
end
