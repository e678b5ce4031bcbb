-- Grants the claim, if there is no answer yet. ARGV: the claim id, the lease and the rests after eight
-- attempts, each of eight bytes, and the milliseconds to keep the record.
if not answer then
  phase, token, claim, attempts = RUNNING, math.max(token + 1, now), ARGV[1], attempts + 1
  lease_length = struct.unpack('>I8', ARGV[2])
  rest_length = struct.unpack('>I8', ARGV[2], 8 * math.min(attempts, 8) + 1)
  lease_end, rest_end = now + lease_length, now + rest_length
  keep = ARGV[3]
  answer = {absent and 6 or 1, token, attempts, letter and 1 or nil}
end
