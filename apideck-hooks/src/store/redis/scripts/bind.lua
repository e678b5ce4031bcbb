-- Binds the delivery key KEYS[1]. ARGV: the record and the claim (`RECORD:CLAIM`), a value that counts
-- as unbound or '', the time to live in milliseconds.
-- Answers the value that it is bound to instead, or nothing. The claim in the value tells two bindings
-- to one record apart. So a value that was seen to dangle never takes the place of a later binding.
local bound = redis.call('GET', KEYS[1])
if bound and bound ~= ARGV[2] and string.sub(bound, 1, 32) ~= string.sub(ARGV[1], 1, 32) then
  return bound
end
-- Another process can have a longer retention.
local life = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[3]))
redis.call('SET', KEYS[1], ARGV[1], 'PX', life)
return false
