#!lua flags=allow-oom
-- Install a target that a member computed, if the group is still what it was computed for.
--
-- KEYS  1 header  2 members  3 bell
-- ARGV  1 epoch of the snapshot  2 strategies that all members have, `name,name`
--       then for each member: member, its target `partition partition ...`
-- Reply {INSTALLED}
--       {STALE}   the epoch is past, or somebody else's target for it came first

local HEADER, MEMBERS, BELL = KEYS[1], KEYS[2], KEYS[3]
local call = redis.call
local epoch = ARGV[1]

local header = call('HMGET', HEADER, 'epoch', 'tepoch')
if header[1] ~= epoch or header[2] == epoch then return {'STALE'} end
for i = 3, #ARGV, 2 do
  call('HSET', MEMBERS, 't:' .. ARGV[i], ARGV[i + 1])
end
call('HSET', HEADER, 'tepoch', epoch, 'strategies', ARGV[2], 'as', '', 'al', 0)
call('XADD', BELL, 'MAXLEN', 1, '*', 'epoch', epoch, 'target', epoch)
return {'INSTALLED'}
