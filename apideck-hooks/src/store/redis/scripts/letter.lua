-- Reads the letter. ARGV: the source, '1' and a pattern to read only the letter of an event whose name it
-- matches (else '0' and ''), '1' for the fields. A pattern is a name, or a prefix with '*' after it.
-- Answers nothing if the source has no such letter, {0} if it has another name, else {1} with the
-- attempts, '1' if the event runs, the letter's time, and the fields.
if not kept then
  return {}
end
local head = redis.call('HMGET', KEYS[1], 'source', 'event_type')
if head[1] ~= ARGV[1] then
  return {}
end
if ARGV[2] == '1' then
  local prefix = #ARGV[3] - 1
  local matched = head[2] == ARGV[3]
    or string.sub(ARGV[3], -1) == '*' and string.sub(head[2], 1, prefix) == string.sub(ARGV[3], 1, prefix)
  if not matched then
    return {0}
  end
end
answer = {1, attempts, busy > 0 and 1 or 0, dead_at}
if ARGV[4] == '1' then
  local texts = redis.call('HMGET', KEYS[1], 'event_type', 'event_id', 'entity_id', 'consumer_id', 'context',
    'error', 'body')
  for at = 1, #texts do
    answer[4 + at] = texts[at] or ''
  end
end
return answer
