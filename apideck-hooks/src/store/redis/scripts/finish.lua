-- Settles the record KEYS[1], but not by setting it aside. ARGV: the token; the call's mark; 'done' or 'free'; the retention in ms; '1' if
-- a command was sent before that may have settled it. Answers 1 if the token held, 0 if not.
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'string' and #value == 8 then
  redis.call('DEL', KEYS[1])
  return 0
end
local record, answer = owned(ARGV[1])
if not record then
  return answer
end
local state = ARGV[3]
if record.state ~= 'run' then
  -- The same call sent again gets the same answer.
  return record.state == state and (record.mark == ARGV[2] or ARGV[5] == '1') and 1 or 0
end
record.state, record.mark = state, ARGV[2]
if record.letter and state == 'done' then
  record.letter = nil
end
return write(KEYS[1], record, ARGV[4]) or 1
