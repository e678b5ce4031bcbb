-- Starts the lease again. ARGV: the grant, lease, and the milliseconds to keep the record. Answers 1 if
-- the grant holds, else 0.
if not facts or phase ~= RUNNING or string.sub(facts, 2, 25) ~= ARGV[1] then
  return 0
end
lease_length = tonumber(ARGV[2])
lease_end = now + lease_length
keep, answer = ARGV[3], 1
