#!lua flags=allow-oom
-- Drop all keys of a group, unless members live. `heartbeat` has removed the dead before.
--
-- KEYS  1 header  2 members  3 deadlines  4 owners  5 bell
-- Reply {OK}
--       {NONEMPTY, n}   n members live

local living = redis.call('ZCARD', KEYS[3]) - 1
if living > 0 then return {'NONEMPTY', living} end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
return {'OK'}
