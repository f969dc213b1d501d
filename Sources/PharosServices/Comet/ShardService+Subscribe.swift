import PharosDomain
import PharosEdge
import PharosProtocol

/// Subscriptions between a session, this shard's channels and the channel's owner.
extension ShardService {
    /// The subscription's request is with the owner; a live one keeps its node here.
    static var attaching: UInt32 { .max - 1 }
    static var unattached: UInt32 { .max }

    /// Where a subscriber reads: by wire format, and with or without joins and leaves.
    func wire(_ format: WireFormat, receivesJoinLeave: Bool) -> Int {
        (format == .json ? 0 : 1) + (receivesJoinLeave ? 2 : 0)
    }

    mutating func subscribe(_ order: SubscribeOrder, of id: ConnectionID, _ edge: inout Edge) {
        let options: ChannelOptions
        do throws(ReplyError) { options = try rules.resolve(order.channel).options } catch {
            // The session resolved the same name by the same rules a moment ago: a client must not wait for ever if not.
            return disconnect(id, .serverError, &edge)
        }
        let place = localChannel(order.channel, &edge)
        channels[place].references += 1
        counters.subscriptions += 1
        sessions[id].session.began(order, binding: ShardService.attaching)
        // From here on live publications are kept for this subscription, until its stream has been read.
        if order.flags.contains(.isPositioned) { channels[place].waiting.append((id, order.generation)) }
        let request = AttachRequest(
            channel: order.channel, options: options,
            info: sessions[id].session.clientInfo(channelInfo: order.info),
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
        let answer: Result<StreamRead?, ReplyError>
        do throws(ReplyError) {
            answer = .success(try owner.attach(request, shard: shard, nowMs: edge.nowMs))
        } catch {
            answer = .failure(error)
        }
        if shard == index {
            attached(id, generation, answer, &edge)
        } else {
            node.post(.attached(id, generation: generation, answer), to: shard)
        }
        if request.emitsJoin {
            distribute(owner.delivery(request.channel, .join(request.info)), request.channel, &edge)
        }
    }

    /// The stream has been read: the subscription becomes live, or is undone.
    mutating func attached(
        _ id: ConnectionID, _ generation: UInt32, _ answer: Result<StreamRead?, ReplyError>, _ edge: inout Edge
    ) {
        guard sessions.contains(id) else { return }
        let read: StreamRead?
        switch answer {
        case .success(let value): read = value
        case .failure: return disconnect(id, .serverError, &edge)
        }
        let completion = sessions[id].session.streamRead(generation: generation, read, context(edge))
        switch completion {
        case .late: break
        case .disconnect(let reason): disconnect(id, reason, &edge)
        case .refused(let subscription, let reply):
            counters.recoveryFailures += 1
            stopWaiting(subscription.channel, generation, id)
            undo(subscription, of: id, &edge)
            send(reply, to: id, &edge)
        case .live(let subscription, let answer, let position):
            goLive(subscription, read, answer, position: position, of: id, &edge)
        }
        if sessions.contains(id) { resumeQueue(id, &edge) }
    }

    private mutating func goLive(
        _ subscription: Subscription, _ read: StreamRead?, _ answer: SubscribeCompletion.Answer, position: UInt64,
        of id: ConnectionID, _ edge: inout Edge
    ) {
        stopWaiting(subscription.channel, subscription.generation, id)
        guard let place = channels.index(of: subscription.channel) else { return }
        let receives = subscription.flags.contains(.receivesJoinLeave)
        let node = edge.subscribe(
            id, to: channels[place].topic, wire: wire(sessions[id].wire, receivesJoinLeave: receives))
        sessions[id].session.bind(generation: subscription.generation, to: node)
        if let read, channels[place].position == nil || channels[place].position!.epoch == read.top.epoch,
            position > channels[place].position?.offset ?? 0 || channels[place].position == nil
        {
            channels[place].position = StreamPosition(offset: position, epoch: read.top.epoch)
        }
        switch answer {
        case .reply(let reply):
            count(reply)
            send(reply, to: id, &edge)
        case .pushes(let pushes):
            for push in pushes { send(push, to: id, &edge) }
        case .partOfConnect(let reply):
            if let reply { connectAnswered(id, reply, &edge) }
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
    mutating func undo(_ subscription: Subscription, of id: ConnectionID, _ edge: inout Edge) {
        guard subscription.binding != ShardService.unattached else { return }
        guard let place = channels.index(of: subscription.channel) else { return }
        if subscription.binding != ShardService.attaching {
            edge.unsubscribe(subscription.binding)
        } else {
            stopWaiting(subscription.channel, subscription.generation, id)
        }
        counters.subscriptions -= 1
        channels[place].references -= 1
        let isLast = channels[place].references == 0
        if isLast {
            edge.removeTopic(channels[place].topic)
            channels.remove(place)
        }
        let flags = subscription.flags
        let request = DetachRequest(
            channel: subscription.channel, info: sessions[id].session.clientInfo(channelInfo: subscription.info),
            keepsPresence: flags.contains(.keepsPresence), emitsLeave: flags.contains(.emitsJoinLeave),
            isLastOfShard: isLast)
        let ownerShard = node.owner(of: subscription.channel)
        if ownerShard == index {
            distribute(owner.detach(request, shard: index), request.channel, &edge)
        } else {
            node.post(.detach(request, shard: index), to: ownerShard)
        }
    }

    private mutating func stopWaiting(_ channel: String, _ generation: UInt32, _ id: ConnectionID) {
        guard let place = channels.index(of: channel) else { return }
        channels[place].waiting.removeAll { $0.connection == id && $0.generation == generation }
    }

    private mutating func localChannel(_ name: String, _ edge: inout Edge) -> Int {
        if let place = channels.index(of: name) { return place }
        return channels.add(LocalChannel(name: name, topic: edge.makeTopic()))
    }
}
