-- Takes back a claim that lost its delivery key to another record. ARGV: the token, claim id,
-- retention, the time of the letter that the claim wrote or '', '1' if it made the record.
if r.phase ~= RUNNING or not is_held_by(ARGV[1], ARGV[2]) then
  return 0
end
local own = not kept or fields[12] == ARGV[4]
if own and ARGV[5] == '1' then
  return redis.call('DEL', KEYS[1])
end
take_back()
set('phase', WITHDRAWN)
keep_for(ARGV[3])
if kept and own then
  save_without_letter()
else
  save()
end
return 1
