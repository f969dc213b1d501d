import PharosDomain
import PharosEdge
import PharosProtocol

/// Calls about connections: every shard looks among its own.
extension ClientService {
    /// This shard's part.
    mutating func control(_ command: ControlCommand, _ core: inout ShardCore, _ edge: inout Edge) -> ControlAnswer {
        switch command {
        case .subscribe(let request): return subscribe(request, &core, &edge)
        case .unsubscribe(let request):
            var target = request.target
            // Only subscribers of the channel are concerned: other clients need not be looked at one by one.
            if target.all { (target.all, target.channel) = (false, request.channel) }
            for id in matching(target, core, edge, includesPending: true) where core.sessions.contains(id) {
                unsubscribe(request.channel, id, &core, &edge)
            }
            sendBack(target, .forceReconnect, &core, &edge)
            core.node.parked.leave(request.channel, target)
        case .disconnect(let request):
            for id in matching(request.target, core, edge, includesPending: true) where core.sessions.contains(id) {
                disconnect(id, request.disconnect, &core, &edge)
            }
            // A client that is sent away for good finds no state again, even if it is away at this moment. Each shard
            // removes the parked state once it has looked at its own connections: a client that leaves a shard
            // meanwhile is found by the one or by the other.
            sendBack(request.target, request.disconnect, &core, &edge)
            if request.disconnect.code == Disconnect.expired.code {
                core.node.parked.expire(request.target, core.now(edge))
            } else if !request.disconnect.isReconnect {
                core.node.parked.forget(request.target)
            }
        case .refresh(let request):
            for id in matching(request.target, core, edge) where core.sessions.contains(id) {
                refresh(request, id, &core, &edge)
            }
            sendBack(request.target, request.expired ? .expired : .forceReconnect, &core, &edge)
            core.node.parked.refresh(request, core.now(edge))
        case .listChannels:
            var counts: [ChannelName: Int] = [:]
            core.channels.forEach { counts[$0.name] = $0.references }
            return .channels(counts)
        case .summary:
            var summary = ShardSummary()
            summary.uid = core.node.uid
            summary.name = core.node.settings.nodeName
            summary.version = core.node.version
            summary.uptime = (edge.nowMs - core.node.startedMs) / 1_000
            summary.clients = core.sessions.clientCount
            summary.users = Set(core.sessions.users)
            summary.subscriptions = core.counters.subscriptions
            core.channels.forEach { summary.channels.insert($0.name) }
            return .summary([summary])
        case .send(let request): return .sent(send(request, &core, &edge))
        case .listConnections(let request): return .connections(list(request, core, edge))
        case .members, .memberCounts, .raw, .surrenderSession, .pollSession:
            preconditionFailure("asked of other services")
        case .countSubscribers(let channel):
            return .channels([channel: core.channels.index(of: channel).map { core.channels[$0].subscriberCount } ?? 0])
        }
        return .done
    }

    private mutating func subscribe(_ request: APISubscribe, _ core: inout ShardCore, _ edge: inout Edge)
        -> ControlAnswer
    {
        for id in matching(request.target, core, edge) where core.sessions.contains(id) {
            do throws(ReplyError) {
                guard
                    let order = try core.sessions[id].session.subscribedByServer(
                        request.channel, request.options, from: request.recoverSince, core.context(edge))
                else { continue }
                subscribe(order, of: id, &core, &edge)
            } catch  where error == .limitExceeded {
                // The server wants more for this client than it may have: the client can do nothing about it.
                disconnect(id, .channelLimit, &core, &edge)
            } catch {
                return .failed(error)
            }
        }
        return .done
    }

    private mutating func unsubscribe(
        _ channel: ChannelName, _ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        // Without a channel all of them end.
        let names = channel.isEmpty ? core.sessions[id].session.channels : [channel]
        for name in names {
            let waiting = core.sessions[id].session.pendingCommand(of: name)
            guard let removed = core.sessions[id].session.removeSubscription(of: name) else { continue }
            undo(removed, of: id, because: .server, &core, &edge)
            core.counters.unsubscribes[UnsubscribeReason.server.code, default: 0] += 1
            if let waiting {
                // The client has no subscription yet that could end: its subscribe is refused.
                core.send(Reply(id: waiting, result: .error(.permissionDenied)), to: id, &edge)
            } else {
                core.send(Push(channel: name, event: .unsubscribe(.server)), to: id, &edge)
            }
        }
        resumeQueue(id, &edge)
    }

    private mutating func refresh(
        _ request: APIRefresh, _ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        if request.expired { return disconnect(id, .expired, &core, &edge) }
        guard
            let push = core.sessions[id].session.refreshedByServer(
                expireAt: request.expireAt, info: request.info, core.context(edge))
        else { return }
        core.send(push, to: id, &edge)
        updateTimer(id, &core, &edge)
    }

    // MARK: Messages to connections, and their list

    mutating func send(_ request: APISend, _ core: inout ShardCore, _ edge: inout Edge) -> SendCount {
        var count = SendCount()
        var everybody = request.target
        everybody.exclude = []
        for id in matching(everybody, core, edge) {
            if request.target.exclude.contains(core.sessions[id].session.client) {
                count.excluded += 1
            } else if core.sendMessage(request.data, isJSON: request.dataIsJSON, to: id, &edge) {
                count.delivered += 1
            } else {
                count.undeliverable += 1
            }
        }
        return count
    }

    /// The first connections after the cursor, at most one more than a page has.
    ///
    /// The additional one means that there is a next page.
    func list(_ request: APIConnections, _ core: borrowing ShardCore, _ edge: borrowing Edge) -> [APIConnection] {
        var target = APITarget()
        (target.user, target.channel) = (request.user, request.channel)
        target.all = target.isEmpty
        var found: [(client: ClientID, id: ConnectionID)] = []
        for id in matching(target, core, edge) {
            let client = core.sessions[id].session.client
            if let cursor = request.cursor, !(cursor < client) { continue }
            if found.count > request.limit {
                guard client < found[request.limit].client else { continue }
                found.removeLast()
            }
            // The order of so few is kept by insertion: nearly all of many are refused above.
            let place = found.firstIndex { client < $0.client } ?? found.count
            found.insert((client, id), at: place)
        }
        return found.map { entry(of: $0.id, core) }
    }

    private func entry(of id: ConnectionID, _ core: borrowing ShardCore) -> APIConnection {
        var entry = APIConnection(client: core.sessions[id].session.client)
        entry.user = core.sessions[id].session.user
        entry.transport = core.dialects.transportName(core.sessions[id].wire)
        entry.connectedAt = Int64(core.sessions[id].connectedAt)
        let name = Int(core.sessions[id].name)
        if name > 0 { entry.name = core.node.settings.client.registeredNames[name - 1] }
        entry.channels = core.sessions[id].session.channelCount
        return entry
    }
}
