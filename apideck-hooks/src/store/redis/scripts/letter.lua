-- What the letter of the record KEYS[1] says, and the record's state first; the state alone if it has none.
local record, problem = read(KEYS[1], redis.pcall('GET', KEYS[1]))
if not record then
  return problem or {}
end
if not record.letter then
  return {record.state}
end
local letter = redis.call('HMGET', KEYS[1], 'since', 'tries', 'source', 'type', 'id', 'error', 'body', 'cut')
table.insert(letter, 1, record.state)
return letter
