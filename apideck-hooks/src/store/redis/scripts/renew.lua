-- Starts the lease of the record KEYS[1] again. ARGV: the token; the lease in ms; the retention in ms.
local record, answer = owned(ARGV[1])
if not record or record.state ~= 'run' then
  return answer or 0
end
return run(KEYS[1], record, ARGV[2], ARGV[3]) or 1
