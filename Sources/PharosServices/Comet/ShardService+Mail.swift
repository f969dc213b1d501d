import PharosDomain
import PharosEdge
import PharosProtocol

/// What other shards and the outside world ask of this one.
extension ShardService {
    mutating func mailReceived(_ mail: ShardMail, _ edge: inout Edge) {
        switch mail {
        case .attach(let ticket, let shard):
            attach(ticket.request, ticket.connection, ticket.generation, shard: shard, &edge)
        case .attached(let id, let generation, let answer): attached(id, generation, answer, &edge)
        case .detach(let request, let shard):
            detach(request, shard: shard, &edge)
        case .deliver(let channel, let event): deliver(event, to: channel, &edge)
        case .askPosition(let channel, let shard):
            if let position = ownerPosition(of: channel, edge) {
                node.post(.position(channel: channel, position), to: shard)
            }
        case .position(let channel, let position): comparePosition(of: channel, with: position, &edge)
        case .call(let call, let shard, let ticket): ask(call, reply: .shard(shard, ticket: ticket), &edge)
        case .stored(let completions):
            for completion in completions { stored(completion, &edge) }
        case .answered(let ticket, let answer): answered(ticket, answer, &edge)
        case .control(let command, let shard, let ticket):
            let answer = control(command, &edge)
            if ticket != 0 { node.post(.controlled(ticket: ticket, answer), to: shard) }
        case .controlled(let ticket, let answer): controlled(ticket, answer, &edge)
        case .disconnectOlder(let user, let sequence): disconnectOlder(user, than: sequence, &edge)
        case .emulated(let session, let data): emulated(session, data, &edge)
        case .cancelPoll(let id): cancelPoll(id, &edge)
        case .pollKeysLoaded(let id): pollKeysLoaded(id, &edge)
        case .pollSession(let order): polled(order, &edge)
        case .sessionPolled(let id, let answer): sessionPolled(id, answer, &edge)
        case .sessionPollerGone(let session, let poller, let shard):
            forgetPoller(of: session, poller, shard: shard, &edge)
        case .yieldSession(let id): yieldSession(id, &edge)
        case .sessionYielded(let id, let key): sessionYielded(id, key, &edge)
        case .keysLoaded(let id, let action): keysLoaded(id, action, &edge)
        case .backendCall(let call): backendCall(call, &edge)
        case .hookAnswered(let id, let number, let outcome): hookAnswered(id, number, outcome, &edge)
        case .handshakeAnswered(let id, let outcome): handshakeAnswered(id, outcome, &edge)
        case .rawAnswered(let id, let number, let answer): rawAnswered(id, number, answer, &edge)
        case .rawOrder(let order, let shard, let ticket):
            node.post(.rawDone(ticket: ticket, carryOut(order, &edge)), to: shard)
        case .rawDone(let ticket, let answer): rawDone(ticket, answer, &edge)
        case .rawCall(let call): serveRawCall(call, &edge)
        case .responded(let id, let answer): responded(id, answer, &edge)
        case .counters(let call): call.answer(nodeCounters(edge))
        case .directCall(let call): execute(call.request, origin: .direct(call), &edge)
        case .countSubscribers(let call):
            call.answer(channels.index(of: call.channel).map { channels[$0].subscriberCount } ?? 0)
        case .joinInProcess(let join): joinInProcess(join, &edge)
        case .leaveInProcess(let ticket): leaveInProcess(ticket, &edge)
        case .shutdown(let windowMs): shutDown(windowMs, &edge)
        }
    }

    private mutating func backendCall(_ call: BackendCall, _ edge: inout Edge) {
        var transportErrors = node.settings.api.transportErrorMode
        if let mode = call.headers["x-centrifugo-error-mode"] { transportErrors = mode == "transport" }
        let origin = CallOrigin.backend(call, transportErrors: transportErrors)
        guard call.path.home == .shards else { return call.answer(.error(404, "not found")) }
        switch apiAccess.verdict(of: call, method: call.path.method) {
        case .granted:
            call.withKey { key in
                call.body.withUnsafeBytes { callAPI(call.path, $0, key: key, origin: origin, &edge) }
            }
        case .unauthorized: call.answer(.error(401, "unauthorized"))
        case .forbidden: call.answer(.error(403, "this key may not call this method"))
        }
    }

    /// No new connections; those that are open are told to come back, spread over the window.
    private mutating func shutDown(_ windowMs: Int64, _ edge: inout Edge) {
        guard shutdownEndsMs == nil else { return }
        edge.stopAccepting()
        shutdownEndsMs = edge.nowMs + Int64(node.settings.shutdownTimeout * 1_000)
        var open: [ConnectionID] = []
        edge.forEachOpen { open.append($0) }
        var detached: [ConnectionID] = []
        edge.forEachDetached { detached.append($0) }
        for id in detached { disconnect(id, .shutdown, &edge) }
        endPolls(&edge)
        endInProcess(&edge)
        for id in open { edge.setTimer(id, atMs: edge.nowMs + .random(in: 0...max(windowMs, 0))) }
        edge.closeIdleRequests()
        if edge.connectionCount == 0, raw.isEmpty { edge.isFinished = true }
    }

    private func nodeCounters(_ edge: borrowing Edge) -> NodeCounters {
        var all = NodeCounters()
        all.currentConnections = edge.connectionCount
        all.currentClients = sessions.clientCount
        all.currentRawConnections = raw.openCount
        all.currentRawBytes = raw.inboundBytes
        // One table for the whole node, here and below.
        all.currentUsers = index == 0 ? node.users.count : 0
        all.currentSubscriptions = counters.subscriptions
        all.currentChannels = channels.count
        all.connectionsAccepted = edge.counters.accepted
        all.connectionsRefused = edge.counters.refused
        all.acceptErrors = edge.counters.acceptErrors
        all.messagesReceived = edge.counters.messagesReceived
        all.bytesReceived = edge.counters.bytesReceived
        all.messagesSent = edge.counters.messagesSent
        all.bytesSent = edge.counters.bytesSent
        all.sends = edge.counters.sends
        all.publications = counters.publications
        all.commands = counters.commands
        all.apiCalls = counters.apiCalls
        all.apiErrors = counters.apiErrors
        all.replyErrors = counters.replyErrors
        all.disconnects = counters.disconnects
        all.unsubscribes = counters.unsubscribes
        all.recoveries = counters.recoveries
        all.recoveryFailures = counters.recoveryFailures
        all.recoveredPublications = counters.recoveredPublications
        all.slowClosed = counters.slowClosed
        all.slowClosedByTotal = edge.counters.slowByTotal
        all.droppedPublications = edge.counters.dropped
        all.replacedPublications = edge.counters.replaced
        all.storeErrors = counters.storeErrors
        all.currentStoreLosses = index == 0 && node.durable?.loss != nil ? 1 : 0
        all.currentWaitingPolls =
            polls.count + crowdSeats.count + polledSessions.values.count { $0.waiter != nil }
        all.currentPolledSessions = polledSessions.count
        all.currentParkedSessions = index == 0 ? node.parked.count : 0
        all.reclaimed = edge.counters.reclaimed
        all.currentTLSConnections = edge.secureCount
        all.currentTLSHandshakes = edge.handshakeCount
        all.tlsHandshakes = edge.counters.handshakes
        all.tlsHandshakesResumed = edge.counters.handshakesResumed
        all.tlsHandshakesFailed = edge.counters.handshakesFailed
        all.tlsHandshakesRefused = edge.counters.handshakesRefused
        all.currentResponderRequests = index == 0 ? node.responderPlaces.current : 0
        all.currentBodyBytes = index == 0 ? node.bodyBudget.usedBytes : 0
        for (name, count) in zip(node.settings.client.registeredNames, counters.nameCounts) {
            all.clientNames[name] = count
        }
        all.clientNames["unregistered"] = all.currentClients - counters.nameCounts.reduce(0, +)
        return all
    }
}

extension APIResponse {
    static let stopping = error(503, "the server is shutting down")

    static func error(_ status: Int, _ message: String) -> APIResponse {
        APIResponse(
            status: status, body: Array("{\"error\":{\"code\":\(status),\"message\":\"\(message)\"}}".utf8))
    }
}
