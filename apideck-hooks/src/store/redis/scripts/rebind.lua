#!lua
-- Changes the alias KEYS[1] from ARGV[1] to ARGV[2], for ARGV[3] ms; to nothing: deletes it. Answers what it is bound to
-- instead, or nothing. The same call sent again gets the same answer.
local bound = redis.call('GET', KEYS[1])
if bound and bound ~= ARGV[1] and bound ~= ARGV[2] then
  return bound
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return false
