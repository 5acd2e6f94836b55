#!lua flags=allow-oom
-- Bring the state in line with a log that somebody else wrote to, trimmed or deleted.
--
-- KEYS  1 state  2 log
-- ARGV  1 topic id
-- Reply {OK, leo, start}   records are kept, holes stay, readers step over foreign entries
--       {DAMAGED, id}      the log's last id is so far ahead that only a new topic helps
--       {UNKNOWN_TOPIC}

local STATE, LOG = KEYS[1], KEYS[2]
local call, format = redis.call, string.format
local BIAS, HIGHEST = 10000000000000, 90000000000000

local state = call('HMGET', STATE, 'id', 'leo', 'start')
if state[1] ~= ARGV[1] then return {'UNKNOWN_TOPIC'} end
local leo, start = tonumber(state[2]), tonumber(state[3])
if call('EXISTS', LOG) == 0 then
  -- All keys of a partition exist from creation on: a later migration of the slot needs that.
  call('XGROUP', 'CREATE', LOG, '_', '0', 'MKSTREAM')
  call('XGROUP', 'DESTROY', LOG, '_')
end

local info = call('XINFO', 'STREAM', LOG)
local last, head
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = info[i + 1] end
end
head = call('XRANGE', LOG, '(' .. format('%.0f', BIAS - 1) .. '-18446744073709551615', '+', 'COUNT', 1)[1]

local after_last = tonumber(string.match(last, '^%d+')) - BIAS + 1
if after_last > HIGHEST then return {'DAMAGED', last} end
if after_last > leo then leo = after_last end
if not head then
  start = leo
else
  local base = tonumber(string.match(head[1], '^%d+')) - BIAS
  for i = 1, #head[2], 2 do
    if head[2][i] == 'N' then base = base - head[2][i + 1] + 1 end
  end
  if base > start then start = base end
end
call('HSET', STATE, 'leo', format('%.0f', leo), 'start', format('%.0f', start))
return {'OK', leo, start}
