-- Deletes the letter and settles its record. ARGV: the source, the milliseconds to keep the record.
-- Answers 0 if the source has no such letter, 1 and the letter's time, or 2 if the event runs.
if not kept or redis.call('HGET', KEYS[1], 'source') ~= ARGV[1] then
  return {0}
end
if busy > 0 then
  return {2}
end
keep, answer = ARGV[2], {1, dead_at}
phase, token, dead_at = DONE, math.max(token + 1, now), 0
