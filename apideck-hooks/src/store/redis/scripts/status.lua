-- Answers the record's state (0 absent, 1 running, 2 released, 3 done, 4 dead), the time left of its
-- lease or rest, its token, its attempts, and 1 if it keeps a letter. With '1' as ARGV[1], it first
-- ends the rest, and answers the state before.
if absent then
  return {0, 0, 0, 0, 0}
end
local busy, rest = lease_left(), left(r.rest_end, r.rest_length)
local letter = kept and 1 or 0
if busy > 0 then
  return {1, busy, r.token, r.attempts, letter}
elseif r.phase == DONE then
  return {3, 0, r.token, r.attempts, letter}
elseif kept or r.phase == DEAD then
  return {4, 0, r.token, r.attempts, letter}
end
if ARGV[1] == '1' and rest > 0 then
  end_rest()
  save()
end
return {2, rest, r.token, r.attempts, letter}
