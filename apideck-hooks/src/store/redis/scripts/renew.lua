-- Starts the lease again. ARGV: the token, claim id, lease, retention. Answers 1 if the grant holds,
-- else 0.
if r.phase ~= RUNNING or not is_held_by(ARGV[1], ARGV[2]) then
  return 0
end
set('lease_end', now + ARGV[3])
set('lease_length', ARGV[3])
keep_for(ARGV[3] + ARGV[4])
save()
return 1
