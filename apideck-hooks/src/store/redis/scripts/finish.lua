-- Ends the run. ARGV: the token, claim id, phase, retention, rest that the handler asked for, '1' if
-- the run began, room for the letter ('none', 'full' or 'room'), and the letter's fields and values.
-- Answers 0 lost, 1 yes or 2 no room, and '1' if the record was changed. A letter that went has its
-- source and time after that.
local phase, retention, asked = tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local began, room = ARGV[6] == '1', ARGV[7]
if not is_held_by(ARGV[1], ARGV[2]) then
  return {0, 0}
end
if r.phase ~= RUNNING then
  if r.phase ~= phase then
    return {0, 0}
  end
  touch()
  return {1, 0}
end
if phase == RELEASED and asked > left(r.rest_end, r.rest_length) then
  set('rest_end', now + asked)
  set('rest_length', asked)
elseif phase == DEAD then
  if room == 'full' or room == 'room' and not place_is_fresh() then
    return {2, 0}
  end
  if not began then
    set('attempts', math.max(r.attempts - 1, 0))
  end
elseif phase == WITHDRAWN then
  take_back()
elseif phase == INTERRUPTED and r.interrupted < MAX_INTERRUPTED then
  take_back()
  set('interrupted', r.interrupted + 1)
end
if phase <= DEAD and r.interrupted > 0 then
  set('interrupted', 0)
end
set('phase', phase)
keep_for(retention)
if phase == DONE and kept then
  local source = redis.call('HGET', KEYS[1], 'source')
  save_without_letter()
  return {1, 1, source, fields[12]}
end
save(phase == DEAD and room == 'room' and 8 or nil)
return {1, 1}
