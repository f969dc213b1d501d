/// The scripts that carry out the rules of streams, atomically.
///
/// A server without memory refuses the first write of a script only, and only one that needs memory: so the first one of
/// a publication is such a write, and a publication is carried out as a whole or not at all.
/// Times are the server's own, so that the clocks of nodes do not matter. An entry's id is its offset and the time at
/// which it was stored.
enum RedisScripts {
    /// The part of both scripts that finds the meta, or begins a new epoch.
    ///
    /// `open` gives offset and epoch. The fence is the server's replication id, which is another one after each promotion and each restart: then
    /// acknowledged writes may be missing, and offsets must not go on. `fence` 0: not looked at. A meta that nothing was
    /// published under lives a day at most, since reading names at random makes them.
    private static let opening = """
        local meta, stream = KEYS[1], KEYS[2]
        local function keep(ms, written)
          if ms == 0 and not written then ms = 86400000 end
          if ms > 0 then redis.call('PEXPIRE', meta, string.format('%.0f', ms)) else redis.call('PERSIST', meta) end
        end
        local function open(fence, fresh)
          local id = ''
          if fence == '1' then
            local info = redis.pcall('INFO', 'replication')
            if type(info) == 'string' then id = string.match(info, 'master_replid:(%x+)') or '' end
          end
          local known = redis.call('HMGET', meta, 'o', 'e', 'f')
          if known[2] and (id == '' or not known[3] or known[3] == id) then
            if id ~= '' and not known[3] then redis.call('HSET', meta, 'f', id) end
            return known[1], known[2]
          end
          redis.call('HSET', meta, 'o', '0', 'e', fresh)
          redis.call('HDEL', meta, 'f', 'v', 'w')
          if id ~= '' then redis.call('HSET', meta, 'f', id) end
          redis.call('DEL', stream)
          return '0', fresh
        end
        local function clock()
          local time = redis.call('TIME')
          return time[1] * 1000 + math.floor(time[2] / 1000)
        end
        local function stored(entry) return tonumber(string.match(entry[1], '-(%d+)')) end
        local function offset(entry) return tonumber(string.match(entry[1], '^(%d+)')) end
        local function trim(top, since)
          local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
          if not first or stored(first) > since then return end
          local low, high = offset(first) + 1, tonumber(top) + 1
          while low < high do
            local middle = math.floor((low + high) / 2)
            local entry = redis.call('XRANGE', stream, string.format('%.0f', middle), '+', 'COUNT', 1)[1]
            if entry and stored(entry) <= since then low = offset(entry) + 1 else high = middle end
          end
          redis.call('XTRIM', stream, 'MINID', string.format('%.0f', low))
        end

        """

    /// Keys: meta, stream, answer (if there is a key of idempotency).
    ///
    /// Arguments: messages, command, fence, fresh epoch, history (k, s or n), size, history time, meta time, window,
    /// version of 20 digits (or empty), its epoch, token, envelope. Replies offset, epoch, and 1 for a repeat.
    static let publish =
        opening + """
            local messages, command, fence, fresh, history = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
            local size, ttl, kept, window = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
            local version, versionEpoch, token, envelope = ARGV[10], ARGV[11], ARGV[12], ARGV[13]
            local answer = KEYS[3]
            if answer then
              local first = redis.call('GET', answer)
              if first then return {string.match(first, '^%d+'), string.match(first, ' (.*)$'), 1} end
            end
            local top, epoch = '0', ''
            if history ~= 'n' then top, epoch = open(fence, fresh) end
            if version ~= '' then
              local last = redis.call('HMGET', meta, 'v', 'w')
              if last[1] and last[2] == versionEpoch and last[1] >= version then
                if history ~= 'n' then keep(kept, true) end
                return {top, epoch, 1}
              end
              redis.call('HSET', meta, 'v', version, 'w', versionEpoch)
            end
            local number = history == 'k' and redis.call('HINCRBY', meta, 'o', 1)
            if history ~= 'n' or version ~= '' then keep(kept, version ~= '' or number or top ~= '0') end
            if number then
              local now = clock()
              top = string.format('%.0f', number)
              redis.call(
                'XADD', stream, 'MAXLEN', '=', size, top .. string.format('-%.0f', now), 'd', envelope)
              if number % 64 == 0 then trim(top, now - ttl) end
              redis.call('PEXPIRE', stream, ARGV[7])
            else
              top, epoch = '0', ''
            end
            if answer then redis.call('SET', answer, top .. ' ' .. epoch, 'PX', window) end
            redis.call(command, messages, 'p' .. top .. ' ' .. epoch .. ' ' .. token .. '\\n' .. envelope)
            return {top, epoch, 0}
            """

    /// Keys: meta, stream.
    ///
    /// Arguments: fence, fresh epoch, history time, meta time, command (XRANGE or XREVRANGE), first id, last id, count (0:
    /// only the top). Replies offset, epoch and entries.
    static let read =
        opening + """
            local top, epoch = open(ARGV[1], ARGV[2])
            keep(tonumber(ARGV[4]), top ~= '0')
            if ARGV[8] == '0' then return {top, epoch, {}} end
            trim(top, clock() - tonumber(ARGV[3]))
            return {top, epoch, redis.call(ARGV[5], stream, ARGV[6], ARGV[7], 'COUNT', ARGV[8])}
            """
}
