-- Makes the record KEYS[1] run again under the token ARGV[1], for what was left of its lease, if the call with the mark ARGV[2] has
-- set it aside. ARGV[3]: the retention in ms.
local record, answer = owned(ARGV[1])
if not record or record.state ~= 'dead' or record.mark ~= ARGV[2] then
  return answer or 0
end
return run(KEYS[1], record, record.rest, ARGV[3]) or 1
