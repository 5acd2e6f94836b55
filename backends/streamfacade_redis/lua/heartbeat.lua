#!lua flags=allow-oom
-- A member's sign of life: joins, hears what it may own and must give back, gives back, leaves.
-- Whoever calls also advances the group's clock and removes the dead: nobody else is there to do it.
--
-- KEYS  1 header  2 members  3 deadlines  4 owners  5 bell
-- ARGV  1 member   2 op: join, hb, leave, fence, remove   3 type of the group: consumer, share
--       4 session in ms   5 instance (no blanks; '' none)
--       6 subscription `version digest strategy,strategy topic topic ...` ('' in hb: as before);
--         a lower version than the member's last one is a stuck request: ignored
--       7 info on the client, as text   8 releases `partition=fence partition=fence ...`
--       9 the highest fence the member was refused with (0 none)
--       10 the epoch whose target the member has reached ('' none)
-- Reply {OK, epoch, 1 or 0, assigned, giving back, waiting, ms, snapshot}
--         1: the target is of this epoch; all the member may own and all it must release, as
--         `partition=fence ...`; how many of its target others still hold; the earliest deadline
--         is so many ms away; snapshot: {field, value, ...} of the members: compute a target
--       {SAME, ms}          nothing concerns this member since the epoch in ARGV 10
--       {UNKNOWN}           no such member: it was removed, or the group was lost
--       {FENCED_INSTANCE}   another member has this instance now
--       {TYPE, type}        the group is of another type
--       {PROTOCOL, names}   no strategy in common with the members, who agree on these
--       {LEFT, n}           leave: n members remain      {REMOVED, member}    remove: it is out
--       {NONEMPTY, n}       fence: n members live        {NUMBER, fence}      fence: nobody does
--
-- The header's `n` numbers epochs and fences alike. It starts at the time in ms, so that a group
-- that was lost goes on above its old fences, and grows past every fence that a member met.
-- A partition changes hands only after its owner released exactly the fence it was granted with,
-- left, was replaced, or is dead.

local HEADER, MEMBERS, DEADLINES, OWNERS, BELL = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local call, format, gmatch, match = redis.call, string.format, string.gmatch, string.match
local member, op, kind, session = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local instance, subscription, info, releases = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local seen, settled = tonumber(ARGV[9]), ARGV[10]
local SNAPSHOT_EVERY = 2000

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local header = call('HMGET', HEADER,
  'type', 'n', 'epoch', 'tepoch', 'L', 'now', 'al', 'as', 'ms', 'strategies')
if header[1] and header[1] ~= kind then return {'TYPE', header[1]} end
local steady = op == 'hb' and settled == header[3]
if not header[1] or (not steady and call('EXISTS', MEMBERS, DEADLINES, OWNERS) < 3) then
  if op ~= 'join' and op ~= 'fence' then return {'UNKNOWN'} end
  -- What is left of a group that lost a key would wedge it: owners of whom no deadline is known.
  -- All keys of a group exist from now on: a migration of its slot needs that.
  call('DEL', MEMBERS, DEADLINES, OWNERS)
  call('HSET', HEADER, 'v', 1, 'type', kind)
  call('HSET', MEMBERS, '_', '')
  call('HSET', OWNERS, '_', '')
  call('ZADD', DEADLINES, '+inf', '_')
  local first = math.max(now, tonumber(header[2] or 0) + 1)
  header = {kind, first, first, first, 0, now, 0, '', session, ''}
end
local n, epoch, target_epoch = tonumber(header[2]), tonumber(header[3]), tonumber(header[4])
local clock, last = tonumber(header[5]), tonumber(header[6])
local assign_until, assignor = tonumber(header[7]), header[8]
local shortest, strategies = tonumber(header[9]), header[10]
if seen > n then n = seen end

-- The clock never goes back and never runs ahead by more than 2/3 of a session at a time: after an
-- outage of Redis, or a step of its clock, the living have time to say so.
local clamp = math.floor((session > 0 and session or shortest) * 2 / 3)
clock = clock + math.min(math.max(now - last, 0), clamp)

local changed, rings = false, false

local function forget(who)
  for partition, fence in gmatch(call('HGET', MEMBERS, 'c:' .. who) or '', '(%S+)=(%d+)') do
    if call('HGET', OWNERS, partition) == who .. ' ' .. fence then
      call('HDEL', OWNERS, partition)
    end
  end
  local its_instance = match(call('HGET', MEMBERS, 'j:' .. who) or '', '^(%S+)')
  if its_instance and call('HGET', MEMBERS, 'i:' .. its_instance) == who then
    call('HDEL', MEMBERS, 'i:' .. its_instance)
  end
  call('HDEL', MEMBERS, 's:' .. who, 'j:' .. who, 't:' .. who, 'c:' .. who)
  call('ZREM', DEADLINES, who)
  if assignor == who then assignor, assign_until = '', 0 end
end

local dead = call('ZRANGEBYSCORE', DEADLINES, '-inf', format('(%.0f', clock), 'LIMIT', 0, 16)
for _, who in ipairs(dead) do
  forget(who)
  changed = true
end

local known = member ~= '' and call('ZSCORE', DEADLINES, member)
local holder = instance ~= '' and call('HGET', MEMBERS, 'i:' .. instance)
if holder == member then holder = false end

-- Strategies that all members have, in the order of the first; nil: there would be none left.
local function agreed(others)
  local mine = match(subscription, '^%d+ %S+ (%S+)')
  if others == 0 then return mine end
  local common = {}
  for name in gmatch(strategies, '[^,]+') do
    if string.find(',' .. mine .. ',', ',' .. name .. ',', 1, true) then
      common[#common + 1] = name
    end
  end
  return #common > 0 and table.concat(common, ',') or nil
end

local function wants(who)
  local version, wish = match(call('HGET', MEMBERS, 's:' .. who) or '', '^(%d+) (.*)$')
  return wish, tonumber(version or -1)
end

-- A consumer numbers its ids, `stem-1`, `stem-2`: a join that was stuck must not replace the one that
-- the same consumer made later.
local function outdated()
  local stem, number = match(member, '^(.*)%-(%d+)$')
  local holder_stem, holder_number = match(holder or '', '^(.*)%-(%d+)$')
  return stem and stem == holder_stem and tonumber(number) < tonumber(holder_number)
end

local function join()
  if outdated() then return {'UNKNOWN'} end
  local others = call('ZCARD', DEADLINES) - 1 - (known and 1 or 0) - (holder and 1 or 0)
  local common = agreed(others)
  if not common then return {'PROTOCOL', strategies} end
  strategies = common
  shortest = others == 0 and session or math.min(shortest, session)
  if holder then
    -- A static member started again inherits its target, and nobody else need move. A target being
    -- computed just now does not know the new name, though.
    call('HSET', MEMBERS, 't:' .. member, call('HGET', MEMBERS, 't:' .. holder) or '')
    changed = changed or target_epoch < epoch or wants(holder) ~= match(subscription, '^%d+ (.*)$')
    forget(holder)
    rings = true  -- what it was giving back is free
  elseif not known then
    changed = true
  end
  if instance ~= '' then call('HSET', MEMBERS, 'i:' .. instance, member) end
  call('HSET', MEMBERS, 'j:' .. member, instance .. ' ' .. info)
end

local function subscribe()
  local version, wish = match(subscription, '^(%d+) (.*)$')
  if not version then return end
  local before, version_before = wants(member)
  if tonumber(version) <= version_before then return end
  call('HSET', MEMBERS, 's:' .. member, subscription)
  changed = changed or (wish ~= before and not holder)
end

-- Take back what is released, grant what is free, and tell all of both.
local function reconcile()
  local released, wanted, held = {}, {}, {}
  local holding, assigned, giving_back = {}, {}, {}
  local waiting, dirty = 0, false
  local lines = call('HMGET', MEMBERS, 'c:' .. member, 't:' .. member)
  for release in gmatch(releases, '%S+') do released[release] = true end
  for partition in gmatch(lines[2] or '', '%S+') do wanted[partition] = true end
  for grant in gmatch(lines[1] or '', '%S+') do
    local partition, fence = match(grant, '^(.*)=(%d+)$')
    if released[grant] then
      if call('HGET', OWNERS, partition) == member .. ' ' .. fence then
        call('HDEL', OWNERS, partition)
        rings = rings or not wanted[partition]
      end
      dirty = true
    else
      held[partition] = true
      holding[#holding + 1] = grant
      local list = wanted[partition] and assigned or giving_back
      list[#list + 1] = grant
    end
  end
  for partition in gmatch(lines[2] or '', '%S+') do
    if not held[partition] then
      if call('HGET', OWNERS, partition) then
        waiting = waiting + 1
      else
        n = n + 1
        local fence = format('%.0f', n)
        call('HSET', OWNERS, partition, member .. ' ' .. fence)
        holding[#holding + 1] = partition .. '=' .. fence
        assigned[#assigned + 1] = partition .. '=' .. fence
        dirty = true
      end
    end
  end
  if dirty then call('HSET', MEMBERS, 'c:' .. member, table.concat(holding, ' ')) end
  return table.concat(assigned, ' '), table.concat(giving_back, ' '), waiting
end

local function snapshot()
  if target_epoch == epoch or (assign_until > clock and assignor ~= member) then return nil end
  assign_until, assignor = clock + SNAPSHOT_EVERY, member
  return call('HGETALL', MEMBERS)
end

local function next_epoch()
  if not changed then return end
  n = n + 1
  epoch = n
  if kind == 'share' then target_epoch = n end  -- nothing is assigned in a share group
  rings = true
end

local function beat()
  if op == 'join' then
    local refusal = join()
    if refusal then return refusal end
  elseif holder then
    return {'FENCED_INSTANCE'}
  elseif not known then
    return {'UNKNOWN'}
  end
  subscribe()
  call('ZADD', DEADLINES, format('%.0f', clock + session), member)
  local earliest = call('ZRANGE', DEADLINES, 0, 0, 'WITHSCORES')
  local ms = tonumber(earliest[2]) - clock + 1
  if op == 'hb' and not changed and releases == '' and target_epoch == epoch
      and settled == format('%.0f', epoch) then
    return {'SAME', ms}
  end
  local assigned, giving_back, waiting = reconcile()
  next_epoch()
  return {'OK', format('%.0f', epoch), target_epoch == epoch and 1 or 0,
    assigned, giving_back, waiting, ms, snapshot()}
end

local function leave()
  if known then
    forget(member)
    changed = true
  end
  return {'LEFT', call('ZCARD', DEADLINES) - 1}
end

local function remove()
  local who = known and member or holder
  if not who then return {'UNKNOWN'} end
  forget(who)
  changed = true
  return {'REMOVED', who}
end

local function fence()
  local living = call('ZCARD', DEADLINES) - 1
  if living > 0 then return {'NONEMPTY', living} end
  n = n + 1
  return {'NUMBER', format('%.0f', n)}
end

local verbs = {join = beat, hb = beat, leave = leave, remove = remove, fence = fence}
local reply = verbs[op]()
if reply[1] ~= 'OK' then next_epoch() end
call('HSET', HEADER, 'n', format('%.0f', n), 'epoch', format('%.0f', epoch),
  'tepoch', format('%.0f', target_epoch), 'L', format('%.0f', clock), 'now', format('%.0f', now))
if reply[1] ~= 'SAME' then
  call('HSET', HEADER, 'al', format('%.0f', assign_until), 'as', assignor,
    'ms', format('%.0f', shortest), 'strategies', strategies)
end
if rings then
  call('XADD', BELL, 'MAXLEN', 1, '*',
    'epoch', format('%.0f', epoch), 'target', format('%.0f', target_epoch))
end
return reply
