-- Takes ARGV[1] off the index KEYS[1], if its score is still ARGV[2].
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
return redis.call('ZREM', KEYS[1], ARGV[1])
