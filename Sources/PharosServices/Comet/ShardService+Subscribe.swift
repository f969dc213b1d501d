import PharosDomain
import PharosEdge
import PharosProtocol

/// Subscriptions between a session, this shard's channels and the channel's owner.
extension ShardService {
    mutating func subscribe(_ order: SubscribeOrder, of id: ConnectionID, _ edge: inout Edge) {
        let options: ChannelOptions
        do throws(ReplyError) { options = try rules.resolve(order.channel).options } catch {
            // The session resolved the same name by the same rules a moment ago: a client must not wait for ever if not.
            _ = sessions[id].session.removeSubscription(of: order.channel)
            return disconnect(id, .serverError, &edge)
        }
        let place = localChannel(order.channel, &edge)
        channels[place].references += 1
        counters.subscriptions += 1
        // From here on live publications are kept for this subscription, until its stream has been read.
        if order.flags.contains(.isPositioned) { channels[place].waiting.append((id, order.generation)) }
        let request = AttachRequest(
            channel: order.channel, options: options,
            info: infoToShow(of: id, order.flags, order.info),
            keepsPresence: order.flags.contains(.keepsPresence), emitsJoin: order.flags.contains(.emitsJoinLeave),
            isPositioned: order.flags.contains(.isPositioned), recoverFrom: order.recoverFrom,
            recoveryMode: order.recoveryMode)
        let ownerShard = node.owner(of: order.channel)
        guard ownerShard == index else {
            let ticket = AttachTicket(request: request, connection: id, generation: order.generation)
            return node.post(.attach(ticket, shard: index), to: ownerShard)
        }
        attach(request, id, order.generation, shard: index, &edge)
    }

    /// The owner's part: the answer goes out before the Join, so that a client hears of itself after its reply.
    mutating func attach(
        _ request: AttachRequest, _ id: ConnectionID, _ generation: UInt32, shard: Int, _ edge: inout Edge
    ) {
        let waiting = WaitingAttach(request: request, connection: id, generation: generation, shard: shard)
        if request.isPositioned, isDurable(request.options) {
            owner.enter(request, shard: shard)
            tellOccupancy(edge)
            return attachDurably(waiting, &edge)
        }
        do throws(ReplyError) {
            answerAttach(waiting, .success(try owner.attach(request, shard: shard, nowMs: edge.nowMs)), &edge)
        } catch {
            answerAttach(waiting, .failure(error), &edge)
        }
        tellOccupancy(edge)
    }

    mutating func answerAttach(
        _ attach: WaitingAttach, _ answer: Result<StreamRead?, ReplyError>, _ edge: inout Edge
    ) {
        if attach.shard == index {
            attached(attach.connection, attach.generation, answer, &edge)
        } else {
            node.post(.attached(attach.connection, generation: attach.generation, answer), to: attach.shard)
        }
        guard attach.request.emitsJoin else { return }
        let channel = attach.request.channel
        distribute(owner.delivery(channel, .join(attach.request.info)), channel, &edge)
    }

    /// The owner's part of leaving. Who was never told of as joined is not told of as gone.
    mutating func detach(_ request: DetachRequest, shard: Int, _ edge: inout Edge) {
        var request = request
        if storeWaits.count > 0, storeWaits.left(client: request.info.client, channel: request.channel) {
            request.emitsLeave = false
        }
        distribute(owner.detach(request, shard: shard), request.channel, &edge)
        tellOccupancy(edge)
    }

    /// The stream has been read: the subscription becomes live, or is undone.
    mutating func attached(
        _ id: ConnectionID, _ generation: UInt32, _ answer: Result<StreamRead?, ReplyError>, _ edge: inout Edge
    ) {
        guard sessions.contains(id) else { return }
        switch sessions[id].session.attached(generation: generation, answer, context(edge)) {
        case .late, .waits: break
        case .disconnect(let reason): disconnect(id, reason, &edge)
        case .refused(let ended, let reply):
            // It was read, but not from where the client was.
            if case .success = answer { counters.recoveryFailures += 1 }
            undo(ended, of: id, &edge)
            send(reply, to: id, &edge)
        case .ready(let orders):
            for order in orders where sessions.contains(id) { goLive(order, of: id, &edge) }
        }
        if sessions.contains(id) { resumeQueue(id, &edge) }
    }

    private mutating func goLive(_ order: SubscribeOrder, of id: ConnectionID, _ edge: inout Edge) {
        stopWaiting(order.channel, order.generation, id)
        guard let place = channels.index(of: order.channel) else { return }
        var lane = Lane(wire: sessions[id].wire, receivesJoinLeave: order.flags.contains(.receivesJoinLeave))
        if order.flags.contains(.usesDelta) {
            lane.delta = .fresh
            channels[place].deltaSubscribers += 1
            channels[place].hasFreshDeltas = true
            freshDeltas[id.slot, default: []].insert(order.channel)
        }
        if lane.wire.carrier == .events { lane = eventsLane(id, order.channel, &edge) }
        let node = edge.subscribe(id, to: channels[place].topic, lane: lane.number)
        guard
            let live = sessions[id].session.wentLive(generation: order.generation, binding: node, context(edge))
        else { return edge.unsubscribe(node) }
        let subscription = live.subscription
        if let position = live.position {
            let known = channels[place].position
            if known == nil || known!.epoch == position.epoch && position.offset > known!.offset {
                channels[place].position = position
            }
        }
        var isPartOfConnect = false
        switch live.answer {
        case .reply(var reply):
            count(reply)
            if subscription.flags.contains(.usesDelta), case .subscribe(var result) = reply.result {
                result.publications = DeltaWriter.publications(result.publications, sessions[id].wire.format)
                reply.result = .subscribe(result)
            }
            send(reply, to: id, &edge)
        case .pushes(let pushes):
            for push in pushes { send(push, to: id, &edge) }
        case .partOfConnect(let reply):
            isPartOfConnect = true
            if let reply { connectAnswered(id, reply, &edge) }
        }
        // A connection's own event comes before those of its channels: `connectAnswered` tells them then.
        if sessions.contains(id), sessions[id].isRegistered, !isPartOfConnect {
            tellSubscribed(id, subscription.channel, edge)
        }
        updateTimer(id, &edge)
    }

    private mutating func count(_ reply: Reply) {
        guard case .subscribe(let result) = reply.result, result.wasRecovering else { return }
        if result.recovered {
            counters.recoveries += 1
            counters.recoveredPublications += UInt64(result.publications.count)
        } else {
            counters.recoveryFailures += 1
        }
    }

    /// Undoes all that was done for a subscription that its session has already let go.
    ///
    /// - Parameter reason: what the application is told of it.
    mutating func undo(
        _ ended: EndedSubscription, of id: ConnectionID, because reason: UnsubscribeReason = .client,
        _ edge: inout Edge
    ) {
        let channel = ended.channel
        guard let place = channels.index(of: channel) else { return }
        let (flags, info): (Subscription.Flags, [UInt8])
        switch ended {
        case .reserved: return
        case .ordered(let order):
            (flags, info) = (order.flags, order.info)
            stopWaiting(channel, order.generation, id)
        case .live(let subscription):
            (flags, info) = (subscription.flags, subscription.info)
            edge.unsubscribe(subscription.binding)
            tellUnsubscribed(id, channel, reason, edge)
            if flags.contains(.usesDelta) {
                channels[place].deltaSubscribers -= 1
                if channels[place].deltaSubscribers == 0 { channels[place].deltaBase = nil }
                freshDeltas[id.slot]?.remove(channel)
            }
        }
        counters.subscriptions -= 1
        let isLast = release(place, &edge)
        let request = DetachRequest(
            channel: channel, info: infoToShow(of: id, flags, info),
            keepsPresence: flags.contains(.keepsPresence), emitsLeave: flags.contains(.emitsJoinLeave),
            isLastOfShard: isLast)
        let ownerShard = node.owner(of: channel)
        if ownerShard == index {
            detach(request, shard: index, &edge)
        } else {
            node.post(.detach(request, shard: index), to: ownerShard)
        }
    }

    /// Who a subscriber is, where that is shown to anybody.
    private func infoToShow(
        of id: ConnectionID, _ flags: Subscription.Flags, _ channelInfo: [UInt8]
    ) -> ClientInfo {
        guard flags.contains(.keepsPresence) || flags.contains(.emitsJoinLeave) else { return .nobody }
        return sessions[id].session.clientInfo(channelInfo: channelInfo)
    }

    private mutating func stopWaiting(_ channel: ChannelName, _ generation: UInt32, _ id: ConnectionID) {
        guard let place = channels.index(of: channel) else { return }
        channels[place].waiting.removeAll { $0.connection == id && $0.generation == generation }
    }

    /// One who needed the channel's record is gone; true: the last one, and the record with it.
    mutating func release(_ place: Int, _ edge: inout Edge) -> Bool {
        channels[place].references -= 1
        guard channels[place].references == 0 else { return false }
        edge.removeTopic(channels[place].topic)
        channels.remove(place)
        return true
    }

    mutating func localChannel(_ name: ChannelName, _ edge: inout Edge) -> Int {
        if let place = channels.index(of: name) { return place }
        var channel = LocalChannel(name: name, topic: edge.makeTopic())
        if let options = try? rules.resolve(name).options {
            channel.slowReader = options.slowReader
            channel.conflationTag = options.conflationTag
        }
        return channels.add(channel)
    }
}
