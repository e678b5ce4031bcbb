-- Claims the record. ARGV: the claim id, the lease and the rests, the milliseconds to keep the record,
-- room for a letter ('none' if letters are not kept, 'full' or 'room'), '1' to claim only a record that
-- is there. With a letter also the least age of the record for it, its fields and values, and its time.
-- Answers the verdict (0 absent, 1 granted, 2 running, 3 resting, 4 done, 5 dead, 6 granted and the
-- record was absent), two values of it, and 1 if the letter was written. Zeros at the end are left out.
if absent then
  if ARGV[5] == '1' then
    return {0}
  end
  phase, interrupted, attempts, first_seen = WITHDRAWN, 0, 0, now
  busy, rest = 0, 0
end
if busy > 0 and claim == ARGV[1] then
  -- Written as it is, so that `WAIT` waits for the replicas after a call that is sent again.
  redis.pcall('HSET', KEYS[1], 'facts', facts)
  return {1, token, attempts}
end
if phase == DONE then
  return {4}
end
if ARGV[6] and ARGV[4] == 'room' and not kept and now - ARGV[#ARGV] < MAX_PLACE_AGE
  and (absent or math.max(0, now - first_seen) >= tonumber(ARGV[6])) then
  dead_at, letter = tonumber(ARGV[#ARGV]), 7
end
if busy > 0 then
  answer = {2, busy, dead_at > 0 and 1 or 0, letter and 1 or 0}
elseif kept then
  answer = {5, 1}
elseif phase == DEAD and ARGV[4] == 'none' then
  answer = {5}
elseif rest > 0 then
  answer = letter and {5, 1, 0, 1} or {3, rest}
end
if answer then
  if not letter and math.max(lease_end - lease_length, rest_end - rest_length) <= now then
    return answer
  end
  -- The clock may have been set back.
  lease_end, rest_end = math.min(lease_end, now + lease_length), math.min(rest_end, now + rest_length)
end
