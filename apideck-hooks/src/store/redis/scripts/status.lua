-- Answers the record's state (0 absent, 1 running, 2 released, 3 done, 4 dead), the time left of its
-- lease or rest, its token, its attempts, and 1 if it keeps a letter. With '1' as ARGV[1], it first
-- ends the rest, and answers the state before.
if absent then
  return {0}
end
answer = {2, rest, token, attempts, kept and 1 or 0}
if busy > 0 then
  answer[1], answer[2] = 1, busy
elseif phase == DONE then
  answer[1], answer[2] = 3, 0
elseif kept or phase == DEAD then
  answer[1], answer[2] = 4, 0
end
if ARGV[1] ~= '1' or answer[1] ~= 2 or rest == 0 then
  return answer
end
rest_end, rest_length = 0, 0
