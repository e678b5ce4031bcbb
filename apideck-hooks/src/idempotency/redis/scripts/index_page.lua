-- Members of the index KEYS[1] and their scores, the latest first. ARGV: those after this one, or nothing; how many.
local from = 0
if ARGV[1] ~= '' then
  local rank = redis.call('ZREVRANK', KEYS[1], ARGV[1])
  if not rank then
    return {}
  end
  from = rank + 1
end
return redis.call('ZREVRANGE', KEYS[1], from, from + ARGV[2] - 1, 'WITHSCORES')
