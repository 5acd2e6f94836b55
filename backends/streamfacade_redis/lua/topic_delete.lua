#!lua flags=allow-oom
-- Take a topic out of the registry, leaving a mark until its keys are gone. Legal topic names have
-- no '!', so the mark meets no topic.
--
-- KEYS  1 registry
-- ARGV  1 topic  2 its line as the caller knows it  3 its id
-- Reply {OK}
--       {CHANGED}   the line is another by now

if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {'CHANGED'} end
redis.call('HSET', KEYS[1], '!' .. ARGV[1] .. ' ' .. ARGV[3], ARGV[2])
redis.call('HDEL', KEYS[1], ARGV[1])
return {'OK'}
