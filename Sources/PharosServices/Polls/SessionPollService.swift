import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Long polls with a session: a client whose output waits until it is fetched.
struct SessionPollService: ~Copyable {
    /// Polls that wait here for an answer from their session's shard.
    ///
    /// By the connection's slot.
    var waitingPolls: [UInt32: WaitingPoll] = [:]
    /// Polls of other nodes that wait for an answer from their session's shard.
    var foreignPolls: [ConnectionID: ShardGathering] = [:]
    var lastForeign: UInt32 = 0

    /// Bytes of messages in one answer, unless one message alone is longer.
    private static var answerLimit: Int { 262_144 }

    // MARK: The poll's side

    mutating func poll(
        _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer, _ claims: ConnectionClaims?,
        _ clients: inout ClientService, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let fields = ShardCore.originFields(head)
        guard core.withinLimits(id, head, fields, &edge) else { return }
        let isPost = head.method.elementsEqual("POST".utf8)
        let request: SessionPollRequest
        do throws(ParameterError) {
            request = try SessionPollRequest.decode(query: head.query, isPost: isPost)
        } catch {
            return core.answer(id, 400, error: error.message, fields: fields, &edge)
        }
        var session: (shard: Int, id: ConnectionID)
        // With commands and without a cursor a client begins anew: the session's holder goes on until its user is known.
        let isContinued = request.cursor != nil || body.isEmpty
        let base = request.cursor.map { PolledSession.base(of: $0) }
        if isContinued, let place = core.node.parked.polled(request.session, base: base) {
            session = (place.shard, place.id)
        } else if request.cursor != nil || body.isEmpty && !core.node.parked.isKnown(request.session, nowMs: edge.nowMs)
        {
            // A cursor belongs to a session that is polled; this one is over, was never there, or is at another node.
            let poll = ForeignPoll(
                key: request.session, cursor: request.cursor, user: claims?.user ?? core.userFromProxy(id, head, edge),
                waitMs: min(waitMs(of: request, body), ForeignPoll.maximumWaitMs), body: Array(body))
            if asksOthers(id, poll, originFields: fields, &core, &edge) { return }
            return core.answer(id, 404, error: "unknown session", fields: fields, &edge)
        } else {
            guard let made = openSession(id, head, request.session, fields, claims, &clients, &core, &edge) else {
                return
            }
            session = (core.index, made)
            // A client that comes back without a word has nothing to add to what it was.
            if body.isEmpty {
                let command = Command(id: 1, request: .connect(ConnectRequest()))
                core.arrivedCommands.append(ArrivedCommands(id: made, commands: [command], bytes: 0))
            }
        }
        edge.park(id)
        waitingPolls[id.slot] = WaitingPoll(
            poller: id, originFields: fields, session: session.id, shard: session.shard)
        let order = SessionPollOrder(
            session: session.id, poller: id, shard: core.index, cursor: request.cursor,
            user: claims?.user ?? core.userFromProxy(id, head, edge),
            waitMs: waitMs(of: request, body), body: Array(body))
        core.post(.pollSession(order), to: session.shard)
    }

    /// Commands have answers: it would be a waste to come back for them.
    private func waitMs(of request: SessionPollRequest, _ body: UnsafeRawBufferPointer) -> Int64 {
        let waitMs = Int64(request.waitSeconds) * 1_000
        return body.isEmpty ? waitMs : max(waitMs, 1_000)
    }

    private func openSession(
        _ id: ConnectionID, _ head: RequestHead, _ key: SessionKey, _ fields: [UInt8], _ claims: ConnectionClaims?,
        _ clients: inout ClientService, _ core: inout ShardCore, _ edge: inout Edge
    ) -> ConnectionID? {
        let address = core.node.countsAddresses ? core.clientAddress(id, head, edge) : ""
        if let status = core.node.admit(address: address, nowMs: edge.nowMs) {
            core.answer(id, status, error: "no further sessions are accepted", fields: fields, &edge)
            return nil
        }
        guard let session = edge.makeDetached() else {
            core.node.leave(address: address)
            core.answer(id, 503, error: "no further sessions are accepted", fields: fields, &edge)
            return nil
        }
        core.polledSessions[session.slot] = PolledSession(
            generation: session.generation, base: UInt64(truncatingIfNeeded: core.random.next() >> 44) << 40,
            idleUntilMs: edge.nowMs + sessionTTLMs(core), key: key)
        let wire = Wire(dialect: DialectTable.json, framing: .line)
        guard let facts = try? core.clientFacts(session, head, wire, claims, edge) else {
            preconditionFailure("commands of polls need no conversation")
        }
        clients.open(session, facts, wire, &core, &edge)
        if core.node.keepsAddresses { core.addresses[session.slot] = address }
        clients.updateTimer(session, &core, &edge)
        return session
    }

    private func sessionTTLMs(_ core: borrowing ShardCore) -> Int64 {
        max(Int64(core.node.settings.client.sessionTTL * 1_000), 1_000)
    }

    mutating func answered(_ id: ConnectionID, _ answer: SessionPollAnswer, _ core: inout ShardCore, _ edge: inout Edge)
    {
        if answeredForeign(id, answer, &core) { return }
        guard let waiting = waitingPolls[id.slot], waiting.poller == id else { return }
        waitingPolls[id.slot] = nil
        let fields = waiting.originFields + Array(ShardCore.noStore)
        core.answer(id, answer.status, fields: fields, body: answer.body, &edge)
    }

    /// The connection of a poll has gone before its answer.
    mutating func connectionClosed(_ id: ConnectionID, _ core: inout ShardCore) {
        guard let waiting = waitingPolls[id.slot], waiting.poller == id else { return }
        waitingPolls[id.slot] = nil
        // At another node a newer poll takes the place of the one that has gone.
        guard let session = waiting.session else { return }
        core.post(.sessionPollerGone(session: session, poller: id, shard: core.index), to: waiting.shard)
    }

    // MARK: The session's side

    private func isCurrent(_ session: ConnectionID, _ core: borrowing ShardCore) -> Bool {
        core.polledSessions[session.slot]?.generation == session.generation
    }

    func polled(
        _ order: SessionPollOrder, _ clients: inout ClientService, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let session = order.session
        guard let polled = core.polledSessions[session.slot], polled.generation == session.generation,
            let start = edge.outputStart(of: session),
            PolledSession.base(of: order.cursor ?? polled.base) == polled.base
        else { return refuse(order.poller, order.shard, 404, "unknown session", &core) }
        if let user = order.user, core.sessions.contains(session), core.sessions[session].isRegistered,
            core.sessions[session].session.user != user
        {
            return refuse(order.poller, order.shard, 403, "the session is another user's", &core)
        }
        let cursor = order.cursor.map { $0 - polled.base } ?? start
        if core.polledSessions[session.slot]?.isOver == true, cursor == edge.outputEnd(of: session) ?? start {
            // The last messages have arrived.
            drop(session, &core, &edge)
            return refuse(order.poller, order.shard, 404, "unknown session", &core)
        }
        guard cursor >= start, cursor <= edge.outputEnd(of: session) ?? start else {
            return refuse(order.poller, order.shard, 409, "this cursor is not the last answer's", &core)
        }
        if let older = core.polledSessions[session.slot]?.waiter {
            core.polledSessions[session.slot]?.waiter = nil
            refuse(older.poller, older.shard, 409, "ended by a newer poll", &core)
        }
        // What came before the cursor has arrived.
        edge.dropOutput(of: session, upTo: cursor)
        core.polledSessions[session.slot]?.waiter = .init(
            poller: order.poller, shard: order.shard, from: cursor, deadlineMs: edge.nowMs + order.waitMs)
        core.polledSessions[session.slot]?.idleUntilMs = .max
        if !order.body.isEmpty {
            order.body.withUnsafeBytes { clients.received(session, $0, &core, &edge) }
        }
        guard isCurrent(session, core) else { return }
        if edge.outputEnd(of: session) ?? cursor > cursor || order.waitMs == 0 {
            answerPoll(session, &clients, &core, &edge)
        } else {
            updateTimer(session, &clients, &core, &edge)
        }
    }

    /// The session has something to say.
    func outputArrived(
        _ id: ConnectionID, _ clients: inout ClientService, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        if isCurrent(id, core), core.polledSessions[id.slot]?.waiter != nil { answerPoll(id, &clients, &core, &edge) }
    }

    private func answerPoll(
        _ session: ConnectionID, _ clients: inout ClientService, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let polled = core.polledSessions[session.slot], let waiter = polled.waiter else { return }
        catchUp(session, core, &edge)
        var limit = SessionPollService.answerLimit
        // Asked again: the same messages, even if there are more by now.
        if let answered = polled.answered, answered.from == waiter.from, answered.to > waiter.from {
            limit = Int(answered.to - waiter.from)
        }
        let end = edge.copyOutput(of: session, from: waiter.from, limit: limit, into: &core.packed) ?? waiter.from
        if end == edge.outputEnd(of: session) { noteSent(session, &core) }
        core.packed.withBytes { SessionPollEncoder.encode(cursor: polled.base + end, lines: $0, into: &core.scratch) }
        let body = core.scratch.array
        core.packed.removeAll()
        core.scratch.removeAll()
        core.polledSessions[session.slot]?.waiter = nil
        core.polledSessions[session.slot]?.answered = (waiter.from, end)
        let idleUntilMs = edge.nowMs + sessionTTLMs(core)
        core.polledSessions[session.slot]?.idleUntilMs = idleUntilMs
        core.post(.sessionPolled(waiter.poller, SessionPollAnswer(status: 200, body: body)), to: waiter.shard)
        updateTimer(session, &clients, &core, &edge)
    }

    /// Brings the publications of its channels into the session's output.
    ///
    /// Those that are known to have come are there then, and not still on the way.
    private func catchUp(_ session: ConnectionID, _ core: borrowing ShardCore, _ edge: inout Edge) {
        guard core.sessions.contains(session) else { return }
        for subscription in core.sessions[session].session.subscriptions { edge.catchUp(subscription.binding) }
    }

    /// Notes the positions of an answer that has all of the session's output so far.
    private func noteSent(_ session: ConnectionID, _ core: inout ShardCore) {
        guard core.sessions.contains(session) else { return }
        var sent: [ChannelName: StreamPosition] = [:]
        for channel in core.sessions[session].session.positionedChannels {
            if let index = core.channels.index(of: channel) { sent[channel] = core.channels[index].position }
        }
        core.polledSessions[session.slot]?.told = sent
    }

    private func refuse(
        _ poller: ConnectionID, _ shard: Int, _ status: Int, _ message: String, _ core: inout ShardCore
    ) {
        core.post(.sessionPolled(poller, SessionPollService.refusal(status, message)), to: shard)
    }

    /// The poll that waited has gone.
    func forgetPoller(
        of session: ConnectionID, _ poller: ConnectionID, shard: Int, _ clients: inout ClientService,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard isCurrent(session, core), let waiter = core.polledSessions[session.slot]?.waiter,
            waiter.poller == poller, waiter.shard == shard
        else { return }
        // The answer was not given, so the same cursor will be asked for again; the clock runs from here.
        let idleUntilMs = edge.nowMs + sessionTTLMs(core)
        core.polledSessions[session.slot]?.waiter = nil
        core.polledSessions[session.slot]?.idleUntilMs = idleUntilMs
        updateTimer(session, &clients, &core, &edge)
    }

    // MARK: Time and end

    private func updateTimer(
        _ id: ConnectionID, _ clients: inout ClientService, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        if core.sessions.contains(id) { return clients.updateTimer(id, &core, &edge) }
        edge.setTimer(id, atMs: core.pollDeadline(of: id))
    }

    /// True when nothing else is to be done about this timer.
    func timedOut(
        _ id: ConnectionID, _ clients: inout ClientService, _ core: inout ShardCore, _ edge: inout Edge
    ) -> Bool {
        guard isCurrent(id, core), let polled = core.polledSessions[id.slot] else { return false }
        if let waiter = polled.waiter, waiter.deadlineMs <= edge.nowMs { answerPoll(id, &clients, &core, &edge) }
        if let idle = core.polledSessions[id.slot]?.idleUntilMs, idle <= edge.nowMs {
            // No poll came back in time: there is none left to answer.
            if core.sessions.contains(id) { clients.close(id, keepsState: false, &core, &edge) }
            drop(id, &core, &edge)
            return true
        }
        return !core.sessions.contains(id)
    }

    /// The session is over.
    ///
    /// Its last messages wait for the next poll, for a while, unless nothing is to wait.
    func ended(
        _ id: ConnectionID, dropsOutput: Bool, _ clients: inout ClientService, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        guard isCurrent(id, core) else { return }
        if dropsOutput { return drop(id, &core, &edge) }
        core.polledSessions[id.slot]?.isOver = true
        if core.polledSessions[id.slot]?.waiter != nil { answerPoll(id, &clients, &core, &edge) }
        let idleUntilMs = edge.nowMs + min(sessionTTLMs(core), 5_000)
        core.polledSessions[id.slot]?.idleUntilMs = idleUntilMs
        updateTimer(id, &clients, &core, &edge)
    }

    /// Forgets the session and what waits in it; a poll that waits is refused.
    private func drop(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        guard isCurrent(id, core), let polled = core.polledSessions.removeValue(forKey: id.slot) else { return }
        edge.closeDetached(id)
        if let waiter = polled.waiter { refuse(waiter.poller, waiter.shard, 404, "unknown session", &core) }
        let place = ParkedSessions.Place(shard: core.index, id: id, base: polled.base)
        core.node.parked.ended(polled.key, place, nowMs: edge.nowMs)
    }
}

/// A poll on the shard that holds its connection.
struct WaitingPoll {
    var poller: ConnectionID
    var originFields: [UInt8]
    /// nil: it is at another node.
    var session: ConnectionID?
    var shard: Int
}
