-- Members of the index KEYS[1] and their scores, the latest first. ARGV: how many; those after this member and score, which
-- need not be there any more, or nothing twice.
local wanted = tonumber(ARGV[1])
local from = ARGV[3] == '' and '+inf' or ARGV[3]

-- In the order of the set. Lua's own goes by the server's locale.
local function before(one, other)
  for at = 1, math.min(#one, #other) do
    local a, b = string.byte(one, at), string.byte(other, at)
    if a ~= b then
      return a < b
    end
  end
  return #one < #other
end

local page, passed = {}, 0
while #page < 2 * wanted do
  local some = redis.call('ZREVRANGEBYSCORE', KEYS[1], from, '-inf', 'WITHSCORES', 'LIMIT', passed, wanted)
  if #some == 0 then
    break
  end
  for at = 1, #some, 2 do
    local tie = ARGV[3] ~= '' and tonumber(some[at + 1]) == tonumber(ARGV[3])
    if #page < 2 * wanted and (not tie or before(some[at], ARGV[2])) then
      table.insert(page, some[at])
      table.insert(page, some[at + 1])
    end
  end
  passed = passed + wanted
end
return page
