-- Precedes every script on a record, and reads the record KEYS[1]. The script decides as record.rs
-- does, changes these variables and goes on with save.lua, unless nothing changes. There is no
-- function, because Lua would make it again at each call. Times and lengths are microseconds of this
-- server's clock. Doubles hold them exactly up to the year 2255.
local RUNNING, DONE, RELEASED, DEAD, WITHDRAWN, INTERRUPTED = 0, 1, 2, 3, 4, 5
local MAX_INTERRUPTED = 3
-- A letter is not written longer than this after it got its place in the list, because places
-- without a letter are removed later. The clocks of two servers of a cluster can differ by less.
local MAX_PLACE_AGE = 12 * 3600 * 1000000
-- The grant, which is the token and the claim id, follows the version.
local VERSION, FACTS = 1, '>BI8c16BBI8I8I8I8I8I8I8I8'

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local facts = redis.call('HGET', KEYS[1], 'facts')
local version, token, claim, phase, interrupted, attempts = VERSION, 0, '', WITHDRAWN, 0, 0
local lease_end, lease_length, rest_end, rest_length, first_seen, expires, dead_at = 0, 0, 0, 0, now, 0, 0
if facts then
  version, token, claim, phase, interrupted, attempts, lease_end, lease_length, rest_end, rest_length,
    first_seen, expires, dead_at = struct.unpack(FACTS, facts)
  if version ~= VERSION then
    return redis.error_reply('ERR unknown version of a record')
  end
end
-- A letter is kept beside the record. Its time is `dead_at`.
local kept = dead_at > 0
-- The milliseconds for which a change keeps the record, the first field of a new letter in ARGV, and
-- the answer after the change.
local keep, letter, answer
