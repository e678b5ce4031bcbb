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
local answer = {1, 1}
if phase == DONE and kept then
  answer[3], answer[4] = redis.call('HGET', KEYS[1], 'source'), fields[12]
elseif phase == RELEASED and asked > left(r.rest_end, r.rest_length) then
  r.rest_end, r.rest_length = now + asked, asked
elseif phase == DEAD then
  if room == 'full' or room == 'room' and not place_is_fresh() then
    return {2, 0}
  end
  kept = kept or room == 'room'
  if not began then
    r.attempts = math.max(r.attempts - 1, 0)
  end
elseif phase == WITHDRAWN then
  take_back()
elseif phase == INTERRUPTED and r.interrupted < MAX_INTERRUPTED then
  take_back()
  r.interrupted = r.interrupted + 1
end
if phase ~= WITHDRAWN and phase ~= INTERRUPTED then
  r.interrupted = 0
end
r.phase = phase
keep_for(retention)
if phase == DEAD and room == 'room' then
  save(unpack(ARGV, 8))
elseif answer[3] then
  save_without_letter()
else
  save()
end
return answer
