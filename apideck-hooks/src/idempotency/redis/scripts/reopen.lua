-- Makes the record KEYS[1] run again under the token ARGV[1], if the call with the mark ARGV[2] has set it aside. Its lease
-- was not changed. ARGV[3]: the retention in ms.
local read, write = records()
local record, problem = read(KEYS[1], redis.pcall('GET', KEYS[1]))
if not record or record.state ~= 'dead' or string.format('%016d', record.token) ~= ARGV[1] or record.mark ~= ARGV[2] then
  return problem or 0
end
record.state = 'run'
return write(KEYS[1], record, ARGV[3]) or 1
