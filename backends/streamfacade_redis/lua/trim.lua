#!lua flags=allow-oom
-- Drop records from the head: those below an offset, or those that retention no longer keeps.
--
-- KEYS  1 state  2 log  3 segments
-- ARGV  1 topic id   2 offset to start at, or -1 to follow retention   3 most segments to drop
-- Reply {OK, start, 1 if there is more to drop}
--       {UNKNOWN_TOPIC}

local STATE, LOG, SEGMENTS = KEYS[1], KEYS[2], KEYS[3]
local call, match, format = redis.call, string.match, string.format
local BIAS = 10000000000000

local state = call('HMGET', STATE, 'id', 'leo', 'start', 'h', 'c')
if state[1] ~= ARGV[1] then return {'UNKNOWN_TOPIC'} end
local leo, start, target = tonumber(state[2]), tonumber(state[3]), tonumber(ARGV[2])
local run, epoch, seg_base, seg_records, seg_bytes, seg_newest, newest, total =
  match(state[4], '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
local keep_ms, keep_bytes, keep_records = match(state[5], '^(%S+) (%S+) (%S+)')
keep_ms, keep_bytes, keep_records = tonumber(keep_ms), tonumber(keep_bytes), tonumber(keep_records)
seg_base, total = tonumber(seg_base), tonumber(total)
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- An idle segment whose records are all too old is closed, so that it can go.
if target < 0 and keep_ms >= 0 and tonumber(seg_records) > 0 and tonumber(seg_newest) < now - keep_ms then
  call('ZADD', SEGMENTS, newest, format('%016.0f %s %s', seg_base, seg_newest, seg_bytes))
  seg_base, seg_records, seg_bytes, seg_newest = leo, '0', '0', '0'
end

local dropped, more = 0, 0
while true do
  local head = call('ZRANGE', SEGMENTS, 0, 1)
  local newest_of_head, bytes_of_head = match(head[1], '^%d+ (%d+) (%d+)$')
  if not newest_of_head then break end
  local next_base = tonumber(match(head[2], '^%d+') or seg_base)
  local goes
  if target >= 0 then goes = next_base <= target
  else
    goes = (keep_ms >= 0 and tonumber(newest_of_head) < now - keep_ms)
      or (keep_bytes >= 0 and total - bytes_of_head >= keep_bytes)
      or (keep_records >= 0 and leo - next_base >= keep_records)
  end
  if not goes then break end
  if dropped == tonumber(ARGV[3]) then more = 1 break end
  call('ZREM', SEGMENTS, head[1])
  call('XTRIM', LOG, 'MINID', BIAS + next_base)
  start, total, dropped = math.max(start, next_base), total - bytes_of_head, dropped + 1
end
if target >= 0 and more == 0 then
  start = math.max(start, math.min(target, leo))
  call('XTRIM', LOG, 'MINID', BIAS + start)
end

call('HSET', STATE, 'start', format('%.0f', start), 'h', format('%s %s %.0f %s %s %s %s %.0f',
  run, epoch, seg_base, seg_records, seg_bytes, seg_newest, newest, total))
return {'OK', start, more}
