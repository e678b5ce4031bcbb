-- Deletes the letter and settles its record. ARGV: the source, retention. Answers 0 if the source has
-- no such letter, 1 and the letter's time, or 2 if the event runs.
if not kept or redis.call('HGET', KEYS[1], 'source') ~= ARGV[1] then
  return {0}
end
if lease_left() > 0 then
  return {2}
end
set('phase', DONE)
next_token()
keep_for(ARGV[2])
save_without_letter()
return {1, fields[12]}
