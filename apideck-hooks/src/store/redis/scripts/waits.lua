-- The time left of the lease and of the rest. It is never longer than its length, so that a clock that
-- was set back keeps nobody waiting.
local absent = not kept and expires <= now
local busy = phase == RUNNING and math.max(0, math.min(lease_end - now, lease_length)) or 0
local rest = math.max(0, math.min(rest_end - now, rest_length))
