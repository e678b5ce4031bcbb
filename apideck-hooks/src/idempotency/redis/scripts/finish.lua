-- Settles records that are not set aside, each for a call of its own.
-- KEYS: for each call its record. ARGV: the retention in ms; then for each call its token in 16 digits, its mark, 'd'one or 'f'ree.
-- Answers for each call: 1 if it held, 0 if not. Or -1 and an error.
local answers, pcall = {}, redis.pcall
for call = 1, #KEYS do
  local key, token, mark, state = KEYS[call], ARGV[3 * call - 1], ARGV[3 * call], ARGV[3 * call + 1]
  local value, problem = pcall('GET', key), nil
  local answer = 0
  if type(value) == 'string' then
    if string.sub(value, 2, 17) == token and #value >= 59 then
      local was = string.sub(value, 1, 1)
      if was == 'r' then
        local set = pcall('SET', key, state .. string.sub(value, 2, 43) .. mark .. string.sub(value, 60), 'PX', ARGV[1])
        answer, problem = 1, set.err and set
      elseif was == state and string.sub(value, 44, 59) == mark then
        -- The same call sent again gets the same answer.
        answer = 1
      end
    end
  elseif value then
    local read, write = records()
    local record
    record, problem = read(key, value)
    if record and string.format('%016d', record.token) == token then
      local to = state == 'd' and 'done' or 'free'
      if record.state == 'run' then
        record.state, record.mark = to, mark
        if to == 'done' then
          record.letter = nil
        end
        answer, problem = 1, write(key, record, ARGV[1])
      elseif record.state == to and record.mark == mark then
        answer = 1
      end
    end
  end
  answers[call] = problem and {-1, problem.err} or answer
end
return answers
