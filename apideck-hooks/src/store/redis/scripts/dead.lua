-- Sets the record KEYS[1] aside. ARGV: the token; the call's mark; the retention in ms; source, event type, event id, error, body,
-- and '1' if the body was too large to keep. Answers 1 if the token held, 0 if not.
local record, answer = owned(ARGV[1])
if not record then
  return answer
end
if record.state ~= 'run' then
  -- The same call sent again gets the same answer.
  return record.mark == ARGV[2] and record.state == 'dead' and 1 or 0
end
-- What is left of it, for who makes it run again.
record.rest = record.left
record.state, record.mark, record.letter = 'dead', ARGV[2], string.format('%.0f', time())
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'since', record.letter, 'tries', string.format('%.0f', record.attempt), 'source', ARGV[4],
  'type', ARGV[5], 'id', ARGV[6], 'error', ARGV[7], 'body', ARGV[8], 'cut', ARGV[9])
return write(KEYS[1], record, ARGV[3]) or 1
