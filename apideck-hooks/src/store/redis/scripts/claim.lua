-- Claims the record. ARGV: the claim id, lease, retention, room for a letter ('none' if letters are
-- not kept, 'full' or 'room'), least age of the record for the letter that follows or '', '1' to claim
-- only a record that is there, the rests, and the fields and values of the letter.
-- Answers the verdict (0 absent, 1 granted, 2 running, 3 resting, 4 done, 5 dead), two values of it,
-- '1' if the letter was written, and '1' if the record was absent.
local id, lease, retention, room, least_age = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if absent then
  if ARGV[6] == '1' then
    return {0, 0, 0, 0, 1}
  end
  if fields[1] then
    -- Redis has not deleted it yet.
    redis.call('DEL', KEYS[1])
  end
  r = {phase = WITHDRAWN, token = r.token, claim = '', attempts = 0, interrupted = 0, lease_end = 0,
    lease_length = 0, rest_end = 0, rest_length = 0, expires = now}
  set('first_seen', now)
end
local busy = lease_left()
if busy > 0 and r.claim == id then
  touch()
  return {1, r.token, r.attempts, 0, 0}
end
if r.phase == DONE then
  return {4, 0, 0, 0, 0}
end
local lettered = least_age ~= '' and room == 'room' and not kept and place_is_fresh()
  and (absent or math.max(0, now - r.first_seen) >= tonumber(least_age))
local letter = lettered and 8 or nil
local written = lettered and 1 or 0
if busy > 0 then
  if lettered then
    save(letter)
  end
  return {2, busy, kept and 1 or 0, written, 0}
end
if kept then
  return {5, 1, 0, 0, 0}
end
if r.phase == DEAD and room == 'none' then
  return {5, 0, 0, 0, 0}
end
local rest = left(r.rest_end, r.rest_length)
if rest > 0 and lettered then
  save(letter)
  return {5, 1, 0, 1, 0}
elseif rest > 0 then
  return {3, rest, 0, 0, 0}
end
grant(id, lease, retention, ARGV[7], letter)
return {1, r.token, r.attempts, written, absent and 1 or 0}
