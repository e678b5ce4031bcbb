-- The state of the record KEYS[1]: its word, token, attempt, ms left of the lease. Not marked as one that only reads: a
-- replica would run it, and may know nothing yet.
local record, problem = read(KEYS[1], redis.pcall('GET', KEYS[1]))
if not record then
  return problem or {'', 0, 0, 0}
end
return {record.state, record.token, record.attempt, record.left}
