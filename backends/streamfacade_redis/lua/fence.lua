#!lua flags=allow-oom
-- Everything a group does to one partition: claim it, commit, let go, clear a dead owner.
-- The committed offset moves only under the highest fence seen, and, under one fence, only with a
-- growing counter: a commit that was stuck on an old connection changes nothing.
--
-- KEYS  1 state  2 log  3 groups
-- ARGV  1 topic id  2 group  3 op: claim, commit, release, solo, clear  4 member  5 fence
--       6 counter  7 offset  8 leader epoch  9 metadata
-- Reply {OK, offset, leader epoch, metadata, leo, start, epochs}   offset -1: nothing committed
--       {FENCED, fence}     somebody holds a higher one
--       {OWNED, member}     solo: a member of the group owns the partition
--       {TYPE, type}        the group is one of another type
--       {UNKNOWN_TOPIC}
--
-- The commit is mirrored to the Redis group of the same name, for XINFO GROUPS and what reads it.

local STATE, LOG, GROUPS = KEYS[1], KEYS[2], KEYS[3]
local call, format = redis.call, string.format
local BIAS = 10000000000000
local group, op, member = ARGV[2], ARGV[3], ARGV[4]
local fence, counter = tonumber(ARGV[5]), tonumber(ARGV[6])

local state = call('HMGET', STATE, 'id', 'leo', 'start', 'e')
if state[1] ~= ARGV[1] then return {'UNKNOWN_TOPIC'} end
local stored = call('HMGET', GROUPS, 'o:' .. group, 't:' .. group)
if stored[2] and stored[2] ~= 'consumer' then return {'TYPE', stored[2]} end

local held, owner, counted, offset, epoch, ms, metadata = 0, '', 0, '-1', '-1', '0', ''
if stored[1] then
  held, owner, counted, offset, epoch, ms, metadata =
    string.match(stored[1], '^(%d+) (%S*) (%d+) (%-?%d+) (%-?%d+) (%d+) (.*)$')
  held, counted = tonumber(held), tonumber(counted)
end
if op == 'solo' then
  if owner ~= '' then return {'OWNED', owner} end
  fence, counter = held, counted + 1
elseif op == 'clear' then
  if fence > held then held, owner, counted = fence, '', 0 end
elseif fence < held or (fence == held and owner ~= '' and owner ~= member) then
  return {'FENCED', format('%.0f', held)}
else
  if fence > held then held, counted, owner = fence, 0, member end
  if op == 'claim' then owner = member end
  if op == 'release' then owner = '' end
end

if (op == 'commit' or op == 'solo') and counter > counted then
  local time = call('TIME')
  counted, offset, epoch, metadata = counter, ARGV[7], ARGV[8], ARGV[9]
  ms = format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  local number, leo = tonumber(offset), tonumber(state[2])
  local read = math.min(number, leo)
  local id = read == 0 and '0-0' or (BIAS + read - 1) .. '-18446744073709551615'
  local set = redis.pcall('XGROUP', 'SETID', LOG, group, id, 'ENTRIESREAD', format('%.0f', read))
  if set.err then
    redis.pcall('XGROUP', 'CREATE', LOG, group, id, 'MKSTREAM', 'ENTRIESREAD', format('%.0f', read))
  end
end
call('HSET', GROUPS, 'o:' .. group, format('%.0f %s %.0f %s %s %s %s',
  held, owner, counted, offset, epoch, ms, metadata))
return {'OK', offset, epoch, metadata, state[2], state[3], state[4] or ''}
