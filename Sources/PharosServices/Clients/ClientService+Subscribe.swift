import PharosChannels
import PharosDomain
import PharosEdge
import PharosProtocol

/// Subscriptions between a session, this shard's channels and the channel's relay.
extension ClientService {

    mutating func subscribe(_ order: SubscribeOrder, of id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        let options: ChannelOptions
        do throws(ReplyError) { options = try core.rules.resolve(order.channel).options } catch {
            // The session resolved the same name by the same rules a moment ago: a client must not wait for ever if
            // not.
            _ = core.sessions[id].session.removeSubscription(of: order.channel)
            return disconnect(id, .serverError, &core, &edge)
        }
        let place = core.localChannel(order.channel, &edge)
        core.channels[place].references += 1
        core.counters.subscriptions += 1
        // From here on live publications are kept for this subscription, until its stream has been read.
        if order.flags.contains(.isPositioned) { core.channels[place].waiting.append((id, order.generation)) }
        let request = AttachRequest(
            channel: order.channel, options: options, info: infoToShow(of: id, order.flags, order.info, core),
            keepsPresence: order.flags.contains(.keepsPresence), emitsJoin: order.flags.contains(.emitsJoinLeave),
            isPositioned: order.flags.contains(.isPositioned), recoverFrom: order.recoverFrom)
        let tag = SubscriberTag(connection: id.raw, generation: order.generation)
        core.request(.attach(request, tag), of: order.channel)
    }

    /// The stream has been read: the subscription becomes live, or is undone.
    mutating func attached(
        _ id: ConnectionID, _ generation: UInt32, _ answer: Result<StreamRead?, ReplyError>, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        guard core.sessions.contains(id) else { return }
        switch core.sessions[id].session.attached(generation: generation, answer, core.context(edge)) {
        case .late, .waits: break
        case .disconnect(let reason): disconnect(id, reason, &core, &edge)
        case .refused(let ended, let reply):
            // It was read, but not from where the client was.
            if case .success = answer { core.counters.recoveryFailures += 1 }
            undo(ended, of: id, &core, &edge)
            core.send(reply, to: id, &edge)
        case .ready(let orders):
            for order in orders where core.sessions.contains(id) { goLive(order, of: id, &core, &edge) }
        }
        if core.sessions.contains(id) { resumeQueue(id, &edge) }
    }

    private mutating func goLive(
        _ order: SubscribeOrder, of id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        stopWaiting(order.channel, order.generation, id, &core)
        guard let place = core.channels.index(of: order.channel) else { return }
        let delta = core.dialects.traits(core.sessions[id].wire.dialect).delta
        var lane = core.deltaLane(id, order.flags, order.flags.contains(.usesDelta) && delta != nil ? .fresh : .none)
        if order.flags.contains(.usesDelta) {
            core.channels[place].deltaSubscribers += 1
            core.channels[place].hasFreshDeltas = true
            core.freshDeltas[id.slot, default: []].insert(order.channel)
        }
        if core.sessions[id].hasConversation { lane = core.lane(of: id, for: order.channel, lane, &edge) }
        // Only a dialect with more forms than a table takes can come to this.
        guard let number = try? core.lanes.number(of: lane) else { return disconnect(id, .serverError, &core, &edge) }
        let binding = edge.subscribe(id, to: core.channels[place].topic, lane: number)
        guard
            let live = core.sessions[id].session.wentLive(
                generation: order.generation, binding: binding, core.context(edge))
        else { return edge.unsubscribe(binding) }
        let subscription = live.subscription
        if let position = live.position {
            let known = core.channels[place].position
            if known == nil || known!.epoch == position.epoch && position.offset > known!.offset {
                core.channels[place].position = position
            }
        }
        var isPartOfConnect = false
        switch live.answer {
        case .reply(var reply):
            count(reply, &core)
            if subscription.flags.contains(.usesDelta), let delta, case .subscribe(var result) = reply.result {
                result.publications = delta.publications(result.publications)
                reply.result = .subscribe(result)
            }
            core.send(reply, to: id, &edge)
        case .pushes(let pushes):
            for push in pushes { core.send(push, to: id, &edge) }
        case .partOfConnect(let reply):
            isPartOfConnect = true
            if let reply { connectAnswered(id, reply, &core, &edge) }
        }
        // A connection's own event comes before those of its channels: `connectAnswered` tells them then.
        if core.sessions.contains(id), core.sessions[id].isRegistered, !isPartOfConnect {
            core.tellSubscribed(id, subscription.channel, edge)
        }
        updateTimer(id, &core, &edge)
    }

    private func count(_ reply: Reply, _ core: inout ShardCore) {
        guard case .subscribe(let result) = reply.result, result.wasRecovering else { return }
        if result.recovered {
            core.counters.recoveries += 1
            core.counters.recoveredPublications += UInt64(result.publications.count)
        } else {
            core.counters.recoveryFailures += 1
        }
    }

    /// Undoes all that was done for a subscription that its session has already let go.
    ///
    /// - Parameter reason: the reason in the event that the application gets.
    mutating func undo(
        _ ended: EndedSubscription, of id: ConnectionID, because reason: UnsubscribeReason = .client,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let channel = ended.channel
        guard let place = core.channels.index(of: channel) else { return }
        let (flags, info): (Subscription.Flags, [UInt8])
        switch ended {
        case .reserved: return
        case .ordered(let order):
            (flags, info) = (order.flags, order.info)
            stopWaiting(channel, order.generation, id, &core)
        case .live(let subscription):
            (flags, info) = (subscription.flags, subscription.info)
            edge.unsubscribe(subscription.binding)
            core.tellUnsubscribed(id, channel, reason, edge)
            if flags.contains(.usesDelta) {
                core.channels[place].deltaSubscribers -= 1
                if core.channels[place].deltaSubscribers == 0 { core.channels[place].deltaBase = nil }
                core.freshDeltas[id.slot]?.remove(channel)
            }
        }
        core.counters.subscriptions -= 1
        let isLast = core.release(place, &edge)
        let request = DetachRequest(
            channel: channel, info: infoToShow(of: id, flags, info, core),
            keepsPresence: flags.contains(.keepsPresence), emitsLeave: flags.contains(.emitsJoinLeave),
            isLastOfShard: isLast)
        core.request(.detach(request), of: channel)
    }

    /// The identity of a subscriber, where others are shown it.
    private func infoToShow(
        of id: ConnectionID, _ flags: Subscription.Flags, _ channelInfo: [UInt8], _ core: borrowing ShardCore
    ) -> ClientInfo {
        guard flags.contains(.keepsPresence) || flags.contains(.emitsJoinLeave) else { return .nobody }
        return core.sessions[id].session.clientInfo(channelInfo: channelInfo)
    }

    private func stopWaiting(
        _ channel: ChannelName, _ generation: UInt32, _ id: ConnectionID, _ core: inout ShardCore
    ) {
        guard let place = core.channels.index(of: channel) else { return }
        core.channels[place].waiting.removeAll { $0.connection == id && $0.generation == generation }
    }

    // MARK: Positions

    /// Asks the relays of all channels with positions here where their streams stand.
    ///
    /// The answer comes by the same way as the deliveries, after them: what differs then is lost.
    func checkPositions(_ core: inout ShardCore) {
        var names: [ChannelName] = []
        core.channels.forEach { if $0.position != nil { names.append($0.name) } }
        for name in names {
            guard let options = try? core.rules.resolve(name).options, options.hasHistory else { continue }
            core.request(.position(channel: name, options: options), of: name)
        }
    }

    /// Ends every positioned subscription here, because publications are missing.
    ///
    /// The client of each comes back with recovery.
    mutating func endPositioned(_ place: Int, _ core: inout ShardCore, _ edge: inout Edge) {
        let (name, topic) = (core.channels[place].name, core.channels[place].topic)
        for id in core.subscribers(of: topic, edge) {
            guard core.sessions.contains(id), let subscription = core.sessions[id].session.subscription(of: name),
                subscription.flags.contains(.isPositioned)
            else { continue }
            let resumes = core.dialects.traits(core.sessions[id].wire.dialect).resumesByReconnecting
            if subscription.flags.contains(.isServerSide) || resumes {
                disconnect(id, .insufficientState, &core, &edge)
            } else if let removed = core.sessions[id].session.removeSubscription(of: name) {
                undo(removed, of: id, because: .insufficientState, &core, &edge)
                core.counters.unsubscribes[UnsubscribeReason.insufficientState.code, default: 0] += 1
                core.send(Push(channel: name, event: .unsubscribe(.insufficientState)), to: id, &edge)
            }
        }
    }
}
