-- Forgets the record KEYS[1], which has a letter.
local record, problem = read(KEYS[1], redis.pcall('GET', KEYS[1]))
if not record or not record.letter or record.left > 0 then
  return problem or 0
end
return redis.call('DEL', KEYS[1])
