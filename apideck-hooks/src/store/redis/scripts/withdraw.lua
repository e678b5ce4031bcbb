-- Takes back what the call with the mark ARGV[1] did to the record KEYS[1], as if it had never come.
-- ARGV: the mark; 8 bytes of a delivery key to take off the list, or nothing; the retention in ms.
local record, problem = read(KEYS[1], redis.pcall('GET', KEYS[1]))
if not record then
  return problem or 0
end
local list = record.list
record.list = ''
for at = 1, #list, 8 do
  local key = string.sub(list, at, at + 7)
  if key ~= ARGV[2] then
    record.list = record.list .. key
  end
end
if record.state ~= 'run' or record.mark ~= ARGV[1] then
  return write(KEYS[1], record) or 1
end
record.state, record.attempt = 'free', math.max(record.attempt - 1, 0)
if record.attempt == 0 and record.list == '' and not record.letter then
  redis.call('DEL', KEYS[1])
  return 1
end
return write(KEYS[1], record, ARGV[3]) or 1
