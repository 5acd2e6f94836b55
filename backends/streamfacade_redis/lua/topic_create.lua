#!lua
-- Create all keys of one partition. They exist together or not at all, and never expire: a script
-- with a missing key fails while its slot migrates.
--
-- KEYS  1 state  2 log  3 producers  4 segments  5 groups
-- ARGV  1 topic id  2 configs, as append reads them
-- Reply {OK}

redis.call('HSET', KEYS[1], 'id', ARGV[1], 'leo', '0', 'start', '0', 'h', '- 0 0 0 0 0 0 0', 'c', ARGV[2])
redis.call('XGROUP', 'CREATE', KEYS[2], '_', '0', 'MKSTREAM')
redis.call('XGROUP', 'DESTROY', KEYS[2], '_')
redis.call('HSET', KEYS[3], '_', '')
redis.call('ZADD', KEYS[4], '+inf', '~')
redis.call('HSET', KEYS[5], '_', '')
return {'OK'}
