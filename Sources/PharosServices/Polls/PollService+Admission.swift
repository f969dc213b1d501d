import PharosDomain
import PharosEdge
import PharosProtocol

/// Decides whether a client may poll its channels.
///
/// The decisions are a session's, whose actions are carried out here for as long as it takes.
extension PollService {
    mutating func letIn(
        _ id: ConnectionID, _ head: RequestHead, _ claims: ConnectionClaims?, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        guard let poll = waitingPoll(id) else { return }
        var session = ClientSession(
            client: core.makeClientID(id), settings: core.node.settings.client, firstPing: 0, firstNumber: nextNumber,
            user: core.userFromProxy(id, head, edge), claims: claims, now: core.now(edge))
        // The connection may bring another poll, or become a WebSocket, while the application still thinks: no number of
        // this one is ever that of another's question. Sessions count from 1.
        nextNumber = (nextNumber &+ 4_096) | 0x8000_0000
        if !core.passed.isEmpty { core.facts[id.slot] = core.requestFacts(head, id, edge) }
        var connect = ConnectRequest()
        connect.token = poll.request.token
        let action = session.received(Command(id: 1, request: .connect(connect)), core.context(edge))
        let entrance = PollEntrance(session)
        polls[id.slot]?.entrance = entrance
        carryOut(action, id, &core, &edge)
    }

    /// The keys for a poll's token have been fetched.
    mutating func keysLoaded(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        guard let poll = waitingPoll(id) else { return }
        carryOut(.verifyConnection(token: poll.request.token), id, isRetry: true, &core, &edge)
    }

    /// The application has answered a question about a poll.
    mutating func hookAnswered(
        _ id: ConnectionID, _ number: UInt32, _ outcome: HookOutcome, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let entrance = waitingPoll(id)?.entrance else { return }
        carryOut(entrance.session.hookAnswered(number, outcome, core.context(edge)), id, &core, &edge)
    }

    private mutating func carryOut(
        _ action: SessionAction, _ id: ConnectionID, isRetry: Bool = false, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let poll = waitingPoll(id), let entrance = poll.entrance else { return }
        switch action {
        case .none: break
        case .verifyConnection(let token): verifyPoll(token, id, entrance, isRetry, &core, &edge)
        case .ask(let ticket):
            if entrance.session.isConnected { entrance.awaited += 1 }
            askForPoll(ticket, id, entrance, core)
        case .connected:
            while let order = entrance.session.nextOrder() { settle(order, entrance, core, edge) }
            _ = entrance.session.connectReply(core.context(edge))
            pollConnected(id, entrance, &core, &edge)
        case .subscribe(let order):
            let wasAsked = entrance.awaited > 0
            settle(order, entrance, core, edge)
            if wasAsked { subscribed(id, entrance, &core, &edge) }
        case .reply(let reply):
            guard case .error(let error) = reply.result else { return }
            // The first command is the connect, those after it are the channels in their order.
            let index = Int(reply.id) - 2
            let channel = poll.request.channels.indices.contains(index) ? poll.request.channels[index].name : ""
            core.notePollDenied(error, channel, id, edge, user: poll.user)
            refusePoll(id, error, isConnect: reply.id == 1, &core, &edge)
        case .disconnect(let reason):
            let status = reason == .invalidToken || reason == .tokenTooLong ? 401 : reason.isReconnect ? 503 : 403
            refusePoll(id, status, reason.reason, &core, &edge)
        default: refusePoll(id, 503, ReplyError.internalError.message, &core, &edge)
        }
    }

    private mutating func verifyPoll(
        _ token: String, _ id: ConnectionID, _ entrance: PollEntrance, _ isRetry: Bool, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        let outcome = core.node.verifier.verifyConnection(token: token, nowMs: edge.wallMs)
        if outcome != .needsKeys || isRetry { core.note(outcome, .connection, of: id, edge) }
        switch outcome {
        case .needsKeys where !isRetry:
            let (node, index) = (core.node, core.index)
            Task {
                await node.verifier.loadKeys()
                node.post(.pollKeysLoaded(id), to: index)
            }
            return
        case .needsKeys, .unavailable: return refusePoll(id, 503, "the keys for tokens cannot be fetched", &core, &edge)
        default: break
        }
        carryOut(entrance.session.connectionVerified(outcome, core.context(edge)), id, &core, &edge)
    }

    private func askForPoll(
        _ ticket: HookTicket, _ id: ConnectionID, _ entrance: PollEntrance, _ core: borrowing ShardCore
    ) {
        let (node, index, number) = (core.node, core.index, ticket.number)
        guard let origin = node.application.origin else {
            return node.post(.hookAnswered(id, number, .unavailable), to: index)
        }
        var request = HookRequest(ticket.question, from: entrance.session)
        request.transport = TransportFraming.line.transportName
        if let facts = core.facts[id.slot] { request.facts = facts }
        origin.ask(request, of: ticket.origin) { node.post(.hookAnswered(id, number, $0), to: index) }
    }

    /// Nothing is read for the session itself: the poll reads what it needs.
    private func settle(
        _ order: SubscribeOrder, _ entrance: PollEntrance, _ core: borrowing ShardCore, _ edge: borrowing Edge
    ) {
        entrance.ends(order.expireAt)
        let context = core.context(edge)
        guard
            case .ready(let orders) = entrance.session.attached(
                generation: order.generation, .success(nil), context)
        else { return }
        for order in orders { _ = entrance.session.wentLive(generation: order.generation, binding: 0, context) }
    }

    private mutating func pollConnected(
        _ id: ConnectionID, _ entrance: PollEntrance, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let user = entrance.session.user
        polls[id.slot]?.user = user
        entrance.ends(entrance.session.expireAt)
        guard core.node.rates.take(user: user, nowMs: edge.nowMs) else {
            return refusePoll(id, 429, core.node.rates.error(.user).message, &core, &edge)
        }
        guard let channels = waitingPoll(id)?.request.channels else { return }
        // Held until all have been asked about.
        entrance.awaited += 1
        for (index, channel) in channels.enumerated() {
            guard waitingPoll(id) != nil else { return }
            // What the client was given with its connect needs no permission of its own.
            guard !entrance.session.holds(channel.name) else { continue }
            let command = Command(
                id: UInt32(index) + 2, request: .subscribe(SubscribeRequest(channel: channel.name)))
            switch entrance.session.received(command, core.context(edge)) {
            case .subscribe(let order): settle(order, entrance, core, edge)
            case let action: carryOut(action, id, &core, &edge)
            }
        }
        subscribed(id, entrance, &core, &edge)
    }

    /// One thing less that is waited for.
    private mutating func subscribed(
        _ id: ConnectionID, _ entrance: PollEntrance, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        entrance.awaited -= 1
        guard entrance.awaited == 0, var poll = waitingPoll(id) else { return }
        if core.now(edge).isAfter(entrance.expireAt) {
            return refusePoll(id, 401, ReplyError.tokenExpired.message, &core, &edge)
        }
        if entrance.expireAt != 0 {
            // The client's permissions end then: the next poll is asked again.
            let restMs = Moment.milliseconds(entrance.expireAt) - edge.wallMs
            poll.deadlineMs = min(poll.deadlineMs, edge.nowMs + restMs)
        }
        poll.entrance = nil
        for channel in poll.request.channels {
            guard let options = try? core.rules.resolve(channel.name).options, options.hasHistory else {
                return refusePoll(id, 400, "channel: keeps no history, so nothing could be resumed", &core, &edge)
            }
            poll.channels.append(.init(name: channel.name, options: options, start: channel.start))
        }
        polls[id.slot] = poll
        begin(id, &core, &edge)
    }

    // MARK: Room

    /// Whether there is room for one more request that waits.
    ///
    /// If not, it has been answered.
    mutating func admit(
        _ id: ConnectionID, _ head: RequestHead, _ originFields: [UInt8], _ core: inout ShardCore, _ edge: inout Edge
    ) -> Bool {
        guard core.node.limitsConnections else { return true }
        let address = core.node.countsAddresses ? core.clientAddress(id, head, edge) : ""
        guard let status = core.node.admitPoll(address: address) else {
            admitted[id.slot] = address
            return true
        }
        let message =
            status == 429 ? "too many connections from this address" : "no further connections are accepted"
        core.answer(id, status, error: message, fields: originFields, &edge)
        return false
    }

    /// The poll is over.
    mutating func leave(_ id: ConnectionID, _ core: borrowing ShardCore) {
        guard !admitted.isEmpty, let address = admitted.removeValue(forKey: id.slot) else { return }
        core.node.leave(address: address)
    }

    // MARK: Refusals

    private mutating func refusePoll(
        _ id: ConnectionID, _ error: ReplyError, isConnect: Bool, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let needsToken =
            isConnect && error == .permissionDenied && core.node.settings.hooks.connect.isEmpty
            && waitingPoll(id)?.request.token.isEmpty == true
        if needsToken { return refusePoll(id, 401, "a token is needed", &core, &edge) }
        switch error {
        case .tokenExpired, .unauthorized: refusePoll(id, 401, error.message, &core, &edge)
        case .permissionDenied: refusePoll(id, 403, error.message, &core, &edge)
        case .unknownChannel: refusePoll(id, 404, "channel: \(error.message)", &core, &edge)
        case .tooManyRequests: refusePoll(id, 429, error.message, &core, &edge)
        case .badRequest, .limitExceeded: refusePoll(id, 400, "channel: \(error.message)", &core, &edge)
        default: refusePoll(id, error.isTemporary ? 503 : 403, error.message, &core, &edge)
        }
    }
}
