-- Makes the record KEYS[1], which has a letter, claimable. ARGV[1]: the retention in ms.
local record, problem = read(KEYS[1], redis.pcall('GET', KEYS[1]))
if not record or not record.letter or record.cut or record.left > 0 then
  return problem or 0
end
record.state, record.attempt = 'free', 0
return write(KEYS[1], record, ARGV[1]) or 1
