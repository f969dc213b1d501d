import PharosDomain
import PharosEdge
import PharosProtocol

/// Calls about connections: every shard looks among its own.
extension ShardService {
    mutating func controlAll(
        _ command: ControlCommand, _ kind: PendingCalls.ControlCollection.Kind, _ origin: CallOrigin,
        _ edge: inout Edge
    ) {
        control(command, on: node.mailboxes.indices, kind, origin, &edge)
    }

    /// Asks the shards on which there may be such connections.
    mutating func control(
        _ command: ControlCommand, on shards: Range<Int>, _ kind: PendingCalls.ControlCollection.Kind,
        _ origin: CallOrigin, _ edge: inout Edge
    ) {
        let collection = PendingCalls.ControlCollection(kind: kind)
        let ticket = calls.add(.control(origin, remaining: shards.count, collected: collection))
        for shard in shards where shard != index {
            node.post(.control(command, shard: index, ticket: ticket), to: shard)
        }
        if shards.contains(index) { controlled(ticket, control(command, &edge), &edge) }
    }

    mutating func controlled(_ ticket: UInt64, _ answer: ControlAnswer, _ edge: inout Edge) {
        guard case .control(let origin, let remaining, var collected)? = calls.take(ticket) else { return }
        switch answer {
        case .done: break
        case .failed(let error): collected.error = error
        case .channels(let channels): collected.channels.merge(channels) { $0 + $1 }
        case .summary(let summary): collected.summary.add(summary)
        case .sent(let count): collected.sent.add(count)
        case .connections(let connections): collected.connections += connections
        }
        guard remaining == 1 else {
            calls[ticket] = .control(origin, remaining: remaining - 1, collected: collected)
            return
        }
        if let error = collected.error { return finish(origin, .failure(error), &edge) }
        switch collected.kind {
        case .done: finish(origin, .success(.empty), &edge)
        case .channels(let request): finish(origin, .success(page(request, collected.channels)), &edge)
        case .info: finish(origin, .success(.info([nodeInfo(collected.summary, edge)])), &edge)
        case .send(let target): finish(origin, collected.sent.result(of: target), &edge)
        case .connections(let limit): finish(origin, .success(page(collected.connections, limit)), &edge)
        }
    }

    /// This shard's part.
    mutating func control(_ command: ControlCommand, _ edge: inout Edge) -> ControlAnswer {
        switch command {
        case .subscribe(let request): return subscribe(request, &edge)
        case .unsubscribe(let request):
            var target = request.target
            // Whoever else is meant need not be looked at one by one.
            if target.all { (target.all, target.channel) = (false, request.channel) }
            for id in matching(target, edge, includesPending: true) where sessions.contains(id) {
                unsubscribe(request.channel, id, &edge)
            }
            sendBack(target, .forceReconnect, &edge)
            node.parked.leave(request.channel, target)
        case .disconnect(let request):
            for id in matching(request.target, edge, includesPending: true) where sessions.contains(id) {
                disconnect(id, request.disconnect, &edge)
            }
            // Who is sent away for good finds nothing again, even if it is away at this moment. Each shard sees to that once
            // it has looked at its own: whoever leaves one meanwhile is found by the one or by the other.
            sendBack(request.target, request.disconnect, &edge)
            if request.disconnect.code == Disconnect.expired.code {
                node.parked.expire(request.target, now(edge))
            } else if !request.disconnect.isReconnect {
                node.parked.forget(request.target)
            }
        case .refresh(let request):
            for id in matching(request.target, edge) where sessions.contains(id) { refresh(request, id, &edge) }
            sendBack(request.target, request.expired ? .expired : .forceReconnect, &edge)
            node.parked.refresh(request, now(edge))
        case .listChannels:
            var counts: [ChannelName: Int] = [:]
            channels.forEach { counts[$0.name] = $0.references }
            return .channels(counts)
        case .countSubscribers(let channel):
            let count = channels.index(of: channel).map { channels[$0].subscriberCount } ?? 0
            return .channels([channel: count])
        case .summary:
            var summary = ShardSummary()
            summary.clients = sessions.clientCount
            summary.users = Set(sessions.users)
            summary.subscriptions = counters.subscriptions
            channels.forEach { summary.channels.insert($0.name) }
            return .summary(summary)
        case .send(let request): return .sent(send(request, &edge))
        case .listConnections(let request): return .connections(list(request, edge))
        }
        return .done
    }

    private mutating func subscribe(_ request: APISubscribe, _ edge: inout Edge) -> ControlAnswer {
        for id in matching(request.target, edge) where sessions.contains(id) {
            do throws(ReplyError) {
                guard
                    let order = try sessions[id].session.subscribedByServer(
                        request.channel, request.options, from: request.recoverSince, context(edge))
                else { continue }
                subscribe(order, of: id, &edge)
            } catch  where error == .limitExceeded {
                // The server wants more for this client than it may have: nothing the client could mend.
                disconnect(id, .channelLimit, &edge)
            } catch {
                return .failed(error)
            }
        }
        return .done
    }

    private mutating func unsubscribe(_ channel: ChannelName, _ id: ConnectionID, _ edge: inout Edge) {
        // Without a channel all of them end.
        let names =
            channel.isEmpty ? sessions[id].session.subscriptions.map(\.channel) : [channel]
        for name in names {
            let waiting = sessions[id].session.pendingCommand(of: name)
            guard let removed = sessions[id].session.removeSubscription(of: name) else { continue }
            undo(removed, of: id, because: .server, &edge)
            counters.unsubscribes[UnsubscribeReason.server.code, default: 0] += 1
            if let waiting {
                // The client has no subscription yet that could end: its subscribe is refused.
                send(Reply(id: waiting, result: .error(.permissionDenied)), to: id, &edge)
            } else {
                send(Push(channel: name, event: .unsubscribe(.server)), to: id, &edge)
            }
        }
        resumeQueue(id, &edge)
    }

    private mutating func refresh(_ request: APIRefresh, _ id: ConnectionID, _ edge: inout Edge) {
        if request.expired { return disconnect(id, .expired, &edge) }
        guard
            let push = sessions[id].session.refreshedByServer(
                expireAt: request.expireAt, info: request.info, context(edge))
        else { return }
        send(push, to: id, &edge)
        updateTimer(id, &edge)
    }

    // MARK: Parts of answers

    /// Names in order, after the cursor, at most as many as asked for.
    private func page(_ request: APIChannels, _ channels: [ChannelName: Int]) -> APIResult {
        var names = channels.keys.filter {
            (request.cursor.isEmpty || $0 > ChannelName(request.cursor))
                && (request.pattern.isEmpty || Glob.matches(request.pattern, $0))
        }
        var next = ""
        if request.limit > 0, names.count > Int(request.limit) {
            names.sort()
            names.removeLast(names.count - Int(request.limit))
            next = names.last?.text ?? ""
        }
        var page: [ChannelName: Int] = [:]
        for name in names { page[name] = channels[name] }
        return .channels(page, nextCursor: next)
    }

    private func nodeInfo(_ summary: ShardSummary, _ edge: borrowing Edge) -> APINodeInfo {
        var info = APINodeInfo()
        info.uid = node.uid
        info.name = node.settings.nodeName
        info.version = node.version
        info.clients = UInt32(clamping: summary.clients)
        info.users = UInt32(clamping: summary.users.count)
        info.subscriptions = UInt32(clamping: summary.subscriptions)
        info.channels = UInt32(clamping: summary.channels.count)
        info.uptime = UInt32(clamping: (edge.nowMs - node.startedMs) / 1_000)
        return info
    }
}

extension ShardSummary {
    mutating func add(_ other: ShardSummary) {
        clients += other.clients
        users.formUnion(other.users)
        subscriptions += other.subscriptions
        channels.formUnion(other.channels)
    }
}

/// Shell-like patterns: `*` any run of characters, `?` any one.
enum Glob {
    static func matches(_ pattern: String, _ text: ChannelName) -> Bool {
        let pattern = Array(pattern.utf8)
        let text = Array(text.utf8)
        var (p, t) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p, t)
                p += 1
            } else if p < pattern.count, pattern[p] == UInt8(ascii: "?") || pattern[p] == text[t] {
                p += 1
                t += 1
            } else if let last = star {
                // The star takes one character more: at most a quadratic number of steps, never an exponential one.
                p = last.pattern + 1
                t = last.text + 1
                star = (last.pattern, t)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
