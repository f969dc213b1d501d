import PharosDomain

/// Subscribers of the shards: added with what their recovery needs, and taken away.
extension ChannelRelay {
    /// Adds a subscriber; its answer follows.
    ///
    /// From now on events of the channel go to the shard, and the subscriber is present.
    mutating func attach(_ attach: Attach, _ now: Moment) {
        let request = attach.request
        watch(request.channel, request.options, shard: attach.shard, now)
        if request.keepsPresence { presence.add(request.info, to: request.channel) }
        if request.emitsJoin { joining[request.channel, default: []].append(request.info.client) }
        guard request.isPositioned else { return answer(attach, .success(nil), now) }
        read(for: attach, isFilled: false, now)
    }

    /// Reads what a subscriber's recovery needs.
    ///
    /// - Parameter isFilled: the cache has been filled for it.
    mutating func read(for attach: Attach, isFilled: Bool, _ now: Moment) {
        let request = attach.request
        if !engine.answersAtOnce(request.options) {
            if believesCache(of: request.channel), let read = cachedRead(request, now) {
                return answer(attach, .success(read), now)
            }
            if !isFilled { return fill(request.channel, request.options, for: .attach(attach), now) }
        }
        var attach = attach
        attach.floor = deliveredOffset(of: request.channel)
        submit(engineRead(request, floor: attach.floor), .attach(attach), now)
    }

    private func engineRead(_ request: AttachRequest, floor: UInt64) -> EngineRequest {
        let (channel, options) = (request.channel, request.options)
        guard let from = request.recoverFrom else {
            return .read(channel: channel, options: options, after: .max, limit: 0, floor: floor)
        }
        switch options.recoveryMode {
        case .stream:
            return .read(
                channel: channel, options: options, after: from.offset, limit: settings.recoveryLimit, floor: floor)
        case .cache: return .readBackwards(channel: channel, options: options, before: nil, limit: 1, floor: floor)
        }
    }

    private mutating func cachedRead(_ request: AttachRequest, _ now: Moment) -> StreamRead? {
        let (channel, retention) = (request.channel, retention(request.options))
        guard let from = request.recoverFrom else {
            return cache.top(of: channel, nowMs: now.wallMs).map { StreamRead(top: $0) }
        }
        switch request.options.recoveryMode {
        case .cache:
            return cache.readBackwards(channel, before: nil, limit: 1, retention: retention, nowMs: now.wallMs)
        case .stream:
            if knowsMore(from, channel, now) { return nil }
            // A position of another epoch, or from the future, is not recovered whatever is read.
            if let top = cache.top(of: channel, nowMs: now.wallMs),
                from.offset > top.offset || (!from.epoch.isEmpty && from.epoch != top.epoch)
            {
                return StreamRead(top: top)
            }
            return cache.read(
                channel, after: from.offset, limit: settings.recoveryLimit, retention: retention, nowMs: now.wallMs)
        }
    }

    /// Sends the answer to a subscriber, and then announces it.
    ///
    /// In this order, so that a client gets its own join after its reply.
    mutating func answer(_ attach: Attach, _ result: Result<StreamRead?, ReplyError>, _ now: Moment) {
        output.append(.message(.attached(attach.tag, result), shard: attach.shard))
        let request = attach.request
        guard request.emitsJoin, stopJoining(request.info.client, request.channel) else { return }
        submit(.announce(.join(request.info), channel: request.channel), ticket: 0, now)
    }

    /// Takes a client out of those that wait to be announced; false: it was none.
    ///
    /// That is so once its answer is out, and if it has left before that.
    private mutating func stopJoining(_ client: ClientName, _ channel: ChannelName) -> Bool {
        guard let index = joining[channel]?.firstIndex(of: client) else { return false }
        joining[channel]!.remove(at: index)
        if joining[channel]!.isEmpty { joining[channel] = nil }
        return true
    }

    /// Removes a subscriber.
    ///
    /// One that was never announced as joined is not announced as gone.
    mutating func detach(_ request: DetachRequest, _ shard: Int, _ now: Moment) {
        if request.keepsPresence { presence.remove(client: request.info.client, from: request.channel) }
        if request.isLastOfShard { unwatch(request.channel, shard: shard, now) }
        guard request.emitsLeave else { return }
        if !joining.isEmpty, stopJoining(request.info.client, request.channel) { return }
        submit(.announce(.leave(request.info), channel: request.channel), ticket: 0, now)
    }

    /// Answers with a stream's position, if it is known without waiting for a store.
    mutating func askPosition(of channel: ChannelName, _ options: ChannelOptions, _ shard: Int, _ now: Moment) {
        guard options.hasHistory else { return }
        if engine.answersAtOnce(options) {
            submit(
                .read(channel: channel, options: options, after: .max, limit: 0),
                .position(channel: channel, shard: shard), now)
        } else if engine.isShared {
            check(channel, options, now)
        } else if let top = cache.top(of: channel, nowMs: now.wallMs) {
            output.append(.message(.position(channel: channel, top), shard: shard))
        }
    }
}
