-- Binds the alias KEYS[1] to ARGV[1] for ARGV[2] ms, unless it is bound; answers what it was bound to, or nothing. What is bound
-- is answered by a full server, too: so without flags.
local bound = redis.call('GET', KEYS[1])
if not bound then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return bound
