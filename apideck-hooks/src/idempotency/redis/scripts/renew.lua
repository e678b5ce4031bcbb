-- Starts the lease of the record KEYS[1] again. ARGV: the token in 16 digits; the lease in ms; the retention in ms.
local read, write = records()
local record, problem = read(KEYS[1], redis.pcall('GET', KEYS[1]))
if not record or record.state ~= 'run' or string.format('%016d', record.token) ~= ARGV[1] then
  return problem or 0
end
record.till = time() + ARGV[2] * 1000
return write(KEYS[1], record, string.format('%.0f', ARGV[2] + ARGV[3])) or 1
