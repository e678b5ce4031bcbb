-- Ends the run. ARGV: the grant, phase, and the milliseconds to keep the record. For a release also the
-- rest that the handler asked for. For a dead event also '1' if the run began, room for the letter
-- ('none', 'full' or 'room'), and with room its fields and values, and its time.
-- Answers 0 lost, 1 yes and unchanged, 2 no room, or 3 yes. If a letter went, its source and time follow.
local ended = tonumber(ARGV[2])
if not facts or string.sub(facts, 2, 25) ~= ARGV[1] then
  return 0
end
if phase ~= RUNNING then
  if phase ~= ended then
    return 0
  end
  -- Written as it is, so that `WAIT` waits for the replicas after a call that is sent again.
  redis.pcall('HSET', KEYS[1], 'facts', facts)
  return 1
end
answer = 3
if ended == DONE then
  if kept then
    answer = {3, redis.call('HGET', KEYS[1], 'source'), dead_at}
    dead_at = 0
  end
elseif ended == RELEASED then
  local asked = tonumber(ARGV[4])
  if asked > math.max(0, math.min(rest_end - now, rest_length)) then
    rest_end, rest_length = now + asked, asked
  end
elseif ended == DEAD then
  if ARGV[5] == 'full' or ARGV[5] == 'room' and now - ARGV[#ARGV] >= MAX_PLACE_AGE then
    return 2
  end
  if ARGV[4] ~= '1' then
    attempts = math.max(attempts - 1, 0)
  end
  if ARGV[5] == 'room' then
    dead_at, letter = tonumber(ARGV[#ARGV]), 6
  end
elseif ended == WITHDRAWN or interrupted < MAX_INTERRUPTED then
  attempts, rest_end, rest_length = math.max(attempts - 1, 0), 0, 0
  if ended == INTERRUPTED then
    interrupted = interrupted + 1
  end
end
if ended <= DEAD then
  interrupted = 0
end
phase, keep = ended, ARGV[3]
