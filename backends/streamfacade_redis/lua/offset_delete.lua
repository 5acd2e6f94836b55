#!lua flags=allow-oom
-- Forget what a group committed for one partition, and its mirror, unless a member owns it.
--
-- KEYS  1 state  2 log  3 groups
-- ARGV  1 topic id  2 group
--       3 a fence above all that members were granted: who owns it under a lower one is dead
--         ('' none: whoever owns it may live)
--       4 1: the whole group goes, 0: it stays, and so does the fence, against commits under way
-- Reply {OK}
--       {OWNED}         a member of the group may own the partition
--       {UNKNOWN_TOPIC}

local STATE, LOG, GROUPS = KEYS[1], KEYS[2], KEYS[3]
local call = redis.call
local group, number, all = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'

if call('HGET', STATE, 'id') ~= ARGV[1] then return {'UNKNOWN_TOPIC'} end
local line = call('HGET', GROUPS, 'o:' .. group)
if line then
  local held, owner, counter = string.match(line, '^(%d+) (%S*) (%d+) ')
  if owner ~= '' and (not number or tonumber(held) > number) then return {'OWNED'} end
  -- The mirror first: who may not destroy it forgets nothing.
  local gone = redis.pcall('XGROUP', 'DESTROY', LOG, group)
  if type(gone) == 'table' and gone.err and call('EXISTS', LOG) == 1 then return gone end
  if all then
    call('HDEL', GROUPS, 'o:' .. group)
  else
    call('HSET', GROUPS, 'o:' .. group, held .. '  ' .. counter .. ' -1 -1 0 ')
  end
end
return {'OK'}
