#!lua
-- Append records of one producer to one partition. All or nothing: everything is validated before
-- the first write, because Redis does not roll a script back.
--
-- KEYS  1 state  2 log  3 producers  4 segments
-- ARGV  1 topic id   2 run id of the server   3 producer   4 its epoch   5 first sequence number
--       6 number of entries   7 m, the number of fields that every entry has, or 0 for mixed entries
--       m > 0: the m field names, then for each entry: timestamp, m values   (one record an entry)
--       m = 0: for each entry: number of records, timestamp, number of arguments, field, value, ...
-- Reply {OK, base offset, start, leader epoch, append time or ''}
--       {DUP, base offset}          the same batch was appended before: a retry after a lost reply
--       {OUT_OF_ORDER, expected}    a batch before this one is missing
--       {FENCED, epoch}             a newer epoch of this producer has written
--       {TOO_LARGE, i} {INVALID, i} {TIMESTAMP, i}   entry i (from 0) cannot be stored
--       {LOG_AHEAD, error}          the log is not what the state says: repair, then again
--       {UNKNOWN_TOPIC}             the state is gone, or of another incarnation
--
-- No flag: refused before it starts when memory is full, so nothing is written then.
-- Entry ids are <10^13 + offset>-<timestamp>; Lua concatenates integers exactly below 10^14.

local STATE, LOG, PRODUCERS, SEGMENTS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local A, call, match, format = ARGV, redis.call, string.match, string.format
local BIAS = 10000000000000
local MAX_ARGUMENTS = 7000       -- unpack ends between 7,990 and 8,000 values
local SEGMENT_RECORDS, SEGMENT_BYTES = 4096, 1048576
local DAY = 86400000

local state = call('HMGET', STATE, 'id', 'leo', 'start', 'h', 'c')
if state[1] ~= A[1] then return {'UNKNOWN_TOPIC'} end
local leo, start = tonumber(state[2]), tonumber(state[3])
local run, epoch, seg_base, seg_records, seg_bytes, seg_newest, newest, total =
  match(state[4], '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
local keep_ms, keep_bytes, keep_records, max_bytes, log_append_time, max_ahead =
  match(state[5], '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
max_bytes = tonumber(max_bytes)

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamp = log_append_time == '1' and format('%.0f', now)
local latest = now + max_ahead

-- Validate
local entries, m = tonumber(A[6]), tonumber(A[7])
local first = 8 + m
local records, bytes, seg_newest_after = entries, 0, tonumber(seg_newest)
local i = first
if m > 0 then
  for e = 0, entries - 1 do
    local size = #A[i + 1] + (m > 1 and #A[i + 2] or 0)
    if size > max_bytes then return {'TOO_LARGE', e} end
    local ts = tonumber(A[i])
    if ts > latest then return {'TIMESTAMP', e} end
    if ts > seg_newest_after then seg_newest_after = ts end
    bytes = bytes + size
    i = i + 1 + m
  end
else
  records = 0
  for e = 0, entries - 1 do
    local count, ts, n = tonumber(A[i]), tonumber(A[i + 1]), tonumber(A[i + 2])
    if n > MAX_ARGUMENTS then return {'INVALID', e} end
    local size = 0
    for j = i + 3, i + 2 + n do size = size + #A[j] end
    if size > max_bytes then return {'TOO_LARGE', e} end
    if ts > latest then return {'TIMESTAMP', e} end
    if ts > seg_newest_after then seg_newest_after = ts end
    records, bytes = records + count, bytes + size
    i = i + 3 + n
  end
end

-- Check the sequence: the last five batches are remembered, as Kafka does, so that a retry of any
-- batch of a pipelined window is recognised.
local producer, producer_epoch, sequence = A[3], tonumber(A[4]), tonumber(A[5])
local history = ''
local line = call('HGET', PRODUCERS, producer)
if line then
  local known_epoch, batches = match(line, '^(%d+) %d+ (.*)$')
  known_epoch = tonumber(known_epoch)
  if producer_epoch < known_epoch then return {'FENCED', known_epoch} end
  if producer_epoch > known_epoch then
    if sequence ~= 0 then return {'OUT_OF_ORDER', 0} end
  else
    local expected, kept = nil, 0
    for seq, count, base in string.gmatch(batches, '(%d+):(%d+):(%d+)') do
      if tonumber(seq) == sequence and tonumber(count) == records then return {'DUP', base} end
      expected = expected or seq + count
      kept = kept + 1
      if kept < 5 then history = history .. ' ' .. seq .. ':' .. count .. ':' .. base end
    end
    if sequence ~= expected then return {'OUT_OF_ORDER', expected} end
  end
else
  -- Known producers never pay for the dead: only a new one sweeps a few of those a day old.
  local sample = call('HRANDFIELD', PRODUCERS, 4, 'WITHVALUES')
  for k = 1, #sample, 2 do
    local seen = match(sample[k + 1], '^%d+ (%d+) ')
    if seen and now - seen > DAY then call('HDEL', PRODUCERS, sample[k]) end
  end
end

-- Append. The first entry proves that the log agrees with the state.
local offset, id = leo, nil
i = first
local name1, name2 = A[8], A[9]
for e = 1, entries do
  local ok
  if m == 2 then
    id = BIAS + offset .. '-' .. (stamp or A[i])
    offset = offset + 1
    ok = stamp and redis.pcall('XADD', LOG, id, 'a', '', name1, A[i + 1], name2, A[i + 2])
      or redis.pcall('XADD', LOG, id, name1, A[i + 1], name2, A[i + 2])
    i = i + 3
  elseif m == 1 then
    id = BIAS + offset .. '-' .. (stamp or A[i])
    offset = offset + 1
    ok = stamp and redis.pcall('XADD', LOG, id, 'a', '', name1, A[i + 1])
      or redis.pcall('XADD', LOG, id, name1, A[i + 1])
    i = i + 2
  else
    offset = offset + A[i]
    id = BIAS + offset - 1 .. '-' .. (stamp or A[i + 1])
    local n = A[i + 2]
    if stamp then
      ok = redis.pcall('XADD', LOG, id, 'a', '', unpack(A, i + 3, i + 2 + n))
    else
      ok = redis.pcall('XADD', LOG, id, unpack(A, i + 3, i + 2 + n))
    end
    i = i + 3 + n
  end
  if type(ok) == 'table' then
    if string.find(ok.err, 'equal or smaller', 1, true) then return {'LOG_AHEAD', ok.err} end
    return ok  -- no permission, or no stream: repair would not help
  end
end
if records > entries then
  call('XSETID', LOG, id, 'ENTRIESADDED', format('%.0f', offset))  -- lag counts records
end

-- Another server than last time: history may diverge here, so a leader epoch starts.
if run ~= A[2] then
  if run ~= '-' then epoch = epoch + 1 end
  run = A[2]
  call('HSET', STATE, 'e', (call('HGET', STATE, 'e') or '') .. ' ' .. epoch .. ':' .. format('%.0f', leo))
end

-- Close the segment when it is full; drop at most two that retention no longer keeps.
if stamp then seg_newest_after = now end
seg_base, seg_records, seg_bytes = tonumber(seg_base), seg_records + records, seg_bytes + bytes
newest, total = math.max(tonumber(newest), seg_newest_after), total + bytes
if seg_bytes >= SEGMENT_BYTES or seg_records >= SEGMENT_RECORDS then
  call('ZADD', SEGMENTS, format('%.0f', newest),
    format('%016.0f %.0f %d', seg_base, seg_newest_after, seg_bytes))
  seg_base, seg_records, seg_bytes, seg_newest_after = offset, 0, 0, 0
end
keep_ms, keep_bytes, keep_records = tonumber(keep_ms), tonumber(keep_bytes), tonumber(keep_records)
for _ = 1, 2 do
  local head = call('ZRANGE', SEGMENTS, 0, 1)
  local newest_of_head, bytes_of_head = match(head[1], '^%d+ (%d+) (%d+)$')
  if not newest_of_head then break end
  local next_base = tonumber(match(head[2], '^%d+') or seg_base)
  if not ((keep_ms >= 0 and tonumber(newest_of_head) < now - keep_ms)
      or (keep_bytes >= 0 and total - bytes_of_head >= keep_bytes)
      or (keep_records >= 0 and offset - next_base >= keep_records)) then break end
  call('ZREM', SEGMENTS, head[1])
  call('XTRIM', LOG, 'MINID', BIAS + next_base)
  start, total = math.max(start, next_base), total - bytes_of_head
end

call('HSET', STATE, 'leo', format('%.0f', offset), 'start', format('%.0f', start),
  'h', format('%s %s %.0f %d %d %.0f %.0f %.0f',
    run, epoch, seg_base, seg_records, seg_bytes, seg_newest_after, newest, total))
call('HSET', PRODUCERS, producer,
  format('%d %.0f %d:%d:%.0f%s', producer_epoch, now, sequence, records, leo, history))
return {'OK', leo, start, tonumber(epoch), stamp or ''}
