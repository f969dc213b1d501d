import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Long polls with a session: a connection of the protocol whose output waits until it is fetched.
extension ShardService {
    /// Bytes of messages in one answer, unless one message alone is longer.
    private static var answerLimit: Int { 262_144 }

    // MARK: The poll's side

    mutating func pollSession(
        _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer, _ edge: inout Edge
    ) {
        let fields = ShardService.originFields(head)
        guard withinLimits(id, head, fields, &edge) else { return }
        let isPost = head.method.elementsEqual("POST".utf8)
        let request: SessionPollRequest
        do throws(ParameterError) {
            request = try SessionPollRequest.decode(query: head.query, isPost: isPost)
        } catch {
            return answer(id, 400, error: error.message, fields: fields, &edge)
        }
        var session: (shard: Int, id: ConnectionID)
        // With commands and without a cursor a client begins anew: whoever has the session goes on until it is known who it is.
        let isContinued = request.cursor != nil || body.isEmpty
        let base = request.cursor.map { PolledSession.base(of: $0) }
        if isContinued, let place = node.parked.polled(request.session, base: base) {
            session = (place.shard, place.id)
        } else if request.cursor != nil || body.isEmpty && !node.parked.isKnown(request.session, nowMs: edge.nowMs) {
            // A cursor belongs to a session that is polled; this one is over, or was never there.
            return answer(id, 404, error: "unknown session", fields: fields, &edge)
        } else {
            guard let made = openPolledSession(id, head, request.session, fields, &edge) else { return }
            session = (index, made)
            // A client that comes back without a word has nothing to add to what it was.
            if body.isEmpty { handle([Command(id: 1, request: .connect(ConnectRequest()))], of: made, &edge) }
        }
        edge.park(id)
        waitingPolls[id.slot] = WaitingPoll(
            poller: id, originFields: fields, session: session.id, shard: session.shard)
        // Commands have answers: it would be a waste to come back for them.
        let waitMs = Int64(request.waitSeconds) * 1_000
        let order = SessionPollOrder(
            session: session.id, poller: id, shard: index, cursor: request.cursor,
            user: claimed?.user ?? userFromProxy(id, head, edge),
            waitMs: body.isEmpty ? waitMs : max(waitMs, 1_000), body: Array(body))
        if session.shard == index { polled(order, &edge) } else { node.post(.pollSession(order), to: session.shard) }
    }

    private mutating func openPolledSession(
        _ id: ConnectionID, _ head: RequestHead, _ key: SessionKey, _ fields: [UInt8], _ edge: inout Edge
    ) -> ConnectionID? {
        let address = node.countsAddresses ? clientAddress(id, head, edge) : ""
        if let status = node.admit(address: address, nowMs: edge.nowMs) {
            answer(id, status, error: "no further sessions are accepted", fields: fields, &edge)
            return nil
        }
        guard let session = edge.makeDetached() else {
            node.leave(address: address)
            answer(id, 503, error: "no further sessions are accepted", fields: fields, &edge)
            return nil
        }
        polledSessions[session.slot] = PolledSession(
            generation: session.generation, base: UInt64(truncatingIfNeeded: random.next() >> 44) << 40,
            idleUntilMs: edge.nowMs + sessionTTLMs, key: key)
        openSession(session, head, Wire(format: .json, carrier: .poll), &edge)
        if node.keepsAddresses { addresses[session.slot] = address }
        updateTimer(session, &edge)
        return session
    }

    private var sessionTTLMs: Int64 { max(Int64(node.settings.client.sessionTTL * 1_000), 1_000) }

    mutating func sessionPolled(_ id: ConnectionID, _ answer: SessionPollAnswer, _ edge: inout Edge) {
        guard let waiting = waitingPolls[id.slot], waiting.poller == id else { return }
        waitingPolls[id.slot] = nil
        let fields = waiting.originFields + Array(ShardService.noStore)
        self.answer(id, answer.status, fields: fields, body: answer.body, &edge)
    }

    mutating func sessionPollerGone(_ id: ConnectionID, _ edge: inout Edge) {
        guard let waiting = waitingPolls[id.slot], waiting.poller == id else { return }
        waitingPolls[id.slot] = nil
        if waiting.shard == index {
            forgetPoller(of: waiting.session, id, shard: index, &edge)
        } else {
            node.post(.sessionPollerGone(session: waiting.session, poller: id, shard: index), to: waiting.shard)
        }
    }

    // MARK: The session's side

    private func isCurrent(_ session: ConnectionID) -> Bool {
        polledSessions[session.slot]?.generation == session.generation
    }

    mutating func polled(_ order: SessionPollOrder, _ edge: inout Edge) {
        let session = order.session
        guard let polled = polledSessions[session.slot], polled.generation == session.generation,
            let start = edge.outputStart(of: session),
            PolledSession.base(of: order.cursor ?? polled.base) == polled.base
        else { return tell(order.poller, order.shard, 404, "unknown session", &edge) }
        if let user = order.user, sessions.contains(session), sessions[session].isRegistered,
            sessions[session].session.user != user
        {
            return tell(order.poller, order.shard, 403, "the session is another user's", &edge)
        }
        let cursor = order.cursor.map { $0 - polled.base } ?? start
        if polledSessions[session.slot]?.isOver == true, cursor == edge.outputEnd(of: session) ?? start {
            // The last words have arrived.
            endPolledSession(session, &edge)
            return tell(order.poller, order.shard, 404, "unknown session", &edge)
        }
        guard cursor >= start, cursor <= edge.outputEnd(of: session) ?? start else {
            return tell(order.poller, order.shard, 409, "this cursor is not the last answer's", &edge)
        }
        if let older = polledSessions[session.slot]?.waiter {
            polledSessions[session.slot]?.waiter = nil
            tell(older.poller, older.shard, 409, "ended by a newer poll", &edge)
        }
        // What came before the cursor has arrived.
        edge.dropOutput(of: session, upTo: cursor)
        polledSessions[session.slot]?.waiter = .init(
            poller: order.poller, shard: order.shard, from: cursor, deadlineMs: edge.nowMs + order.waitMs)
        polledSessions[session.slot]?.idleUntilMs = .max
        if !order.body.isEmpty {
            order.body.withUnsafeBytes { messageReceived(session, $0, isText: true, &edge) }
        }
        guard isCurrent(session) else { return }
        if edge.outputEnd(of: session) ?? cursor > cursor || order.waitMs == 0 {
            answerSessionPoll(session, &edge)
        } else {
            updatePollTimer(session, &edge)
        }
    }

    /// The session has something to say.
    mutating func outputArrived(_ id: ConnectionID, _ edge: inout Edge) {
        if isCurrent(id), polledSessions[id.slot]?.waiter != nil { answerSessionPoll(id, &edge) }
    }

    private mutating func answerSessionPoll(_ session: ConnectionID, _ edge: inout Edge) {
        guard let polled = polledSessions[session.slot], let waiter = polled.waiter else { return }
        catchUp(session, &edge)
        var limit = ShardService.answerLimit
        // Asked again: the same messages, even if there are more by now.
        if let answered = polled.answered, answered.from == waiter.from, answered.to > waiter.from {
            limit = Int(answered.to - waiter.from)
        }
        let end = edge.copyOutput(of: session, from: waiter.from, limit: limit, into: &packed) ?? waiter.from
        if end == edge.outputEnd(of: session) { noteTold(session) }
        packed.withBytes { SessionPollEncoder.encode(cursor: polled.base + end, lines: $0, into: &scratch) }
        let body = scratch.array
        packed.removeAll()
        scratch.removeAll()
        polledSessions[session.slot]?.waiter = nil
        polledSessions[session.slot]?.answered = (waiter.from, end)
        let idleUntilMs = edge.nowMs + sessionTTLMs
        polledSessions[session.slot]?.idleUntilMs = idleUntilMs
        tell(waiter.poller, waiter.shard, SessionPollAnswer(status: 200, body: body), &edge)
        updatePollTimer(session, &edge)
    }

    /// What its channels are known to have brought is in the session's output, and not still on the way there.
    private mutating func catchUp(_ session: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(session) else { return }
        for subscription in sessions[session].session.subscriptions { edge.catchUp(subscription.binding) }
    }

    /// Everything that the session has to say so far is in the answer.
    private mutating func noteTold(_ session: ConnectionID) {
        guard sessions.contains(session) else { return }
        var told: [ChannelName: StreamPosition] = [:]
        for channel in sessions[session].session.positionedChannels {
            if let place = channels.index(of: channel) { told[channel] = channels[place].position }
        }
        polledSessions[session.slot]?.told = told
    }

    private mutating func tell(
        _ poller: ConnectionID, _ shard: Int, _ status: Int, _ message: String, _ edge: inout Edge
    ) {
        var text = ByteWriter()
        text.appendError(status: status, message)
        tell(poller, shard, SessionPollAnswer(status: status, body: text.array), &edge)
    }

    private mutating func tell(
        _ poller: ConnectionID, _ shard: Int, _ answer: SessionPollAnswer, _ edge: inout Edge
    ) {
        if shard == index {
            sessionPolled(poller, answer, &edge)
        } else {
            node.post(.sessionPolled(poller, answer), to: shard)
        }
    }

    mutating func forgetPoller(of session: ConnectionID, _ poller: ConnectionID, shard: Int, _ edge: inout Edge) {
        guard isCurrent(session), let waiter = polledSessions[session.slot]?.waiter,
            waiter.poller == poller, waiter.shard == shard
        else { return }
        // The answer was not given, so the same cursor will be asked for again; the clock runs from here.
        let idleUntilMs = edge.nowMs + sessionTTLMs
        polledSessions[session.slot]?.waiter = nil
        polledSessions[session.slot]?.idleUntilMs = idleUntilMs
        updatePollTimer(session, &edge)
    }

    // MARK: Time and end

    /// When a polled session needs attention; `.max` for others.
    func pollSessionDeadline(_ id: ConnectionID) -> Int64 {
        guard let polled = polledSessions[id.slot], polled.generation == id.generation else { return .max }
        return min(polled.waiter?.deadlineMs ?? .max, polled.idleUntilMs)
    }

    private mutating func updatePollTimer(_ id: ConnectionID, _ edge: inout Edge) {
        if sessions.contains(id) { return updateTimer(id, &edge) }
        edge.setTimer(id, atMs: pollSessionDeadline(id))
    }

    /// True when nothing else is to be done about this timer.
    mutating func sessionPollTimedOut(_ id: ConnectionID, _ edge: inout Edge) -> Bool {
        guard isCurrent(id), let polled = polledSessions[id.slot] else { return false }
        if let waiter = polled.waiter, waiter.deadlineMs <= edge.nowMs { answerSessionPoll(id, &edge) }
        if let idle = polledSessions[id.slot]?.idleUntilMs, idle <= edge.nowMs {
            // Nobody came back in time: there is no one left to tell.
            if sessions.contains(id) { closeSession(id, keepsState: false, &edge) }
            endPolledSession(id, &edge)
            return true
        }
        return !sessions.contains(id)
    }

    /// The session is over: its last words wait for the next poll, for a while.
    mutating func pollSessionEnded(_ id: ConnectionID, _ edge: inout Edge) {
        guard isCurrent(id) else { return }
        polledSessions[id.slot]?.isOver = true
        if polledSessions[id.slot]?.waiter != nil { answerSessionPoll(id, &edge) }
        let idleUntilMs = edge.nowMs + min(sessionTTLMs, 5_000)
        polledSessions[id.slot]?.idleUntilMs = idleUntilMs
        updatePollTimer(id, &edge)
    }

    /// The session and what waits in it are gone; a poll that waits is told so.
    mutating func endPolledSession(_ id: ConnectionID, _ edge: inout Edge) {
        guard isCurrent(id), let polled = polledSessions.removeValue(forKey: id.slot) else { return }
        edge.closeDetached(id)
        if let waiter = polled.waiter { tell(waiter.poller, waiter.shard, 404, "unknown session", &edge) }
        let place = ParkedSessions.Place(shard: index, id: id, base: polled.base)
        node.parked.ended(polled.key, place, nowMs: edge.nowMs)
    }
}
