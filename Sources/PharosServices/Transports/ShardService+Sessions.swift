import PharosDomain
import PharosEdge
import PharosProtocol

/// Clients that come back: what they were is kept under a key of their own choice.
extension ShardService {
    /// The key with which a request asks that its client's state outlive the connection; nil: it does not ask.
    func sessionKey(_ head: RequestHead, _ carrier: Wire.Carrier) -> SessionKey? {
        if let key = ShardService.parameter("session", head) { return key }
        return carrier == .events ? ShardService.parameter("id", head) : nil
    }

    /// Whether a request names a key that could be guessed: it is refused, so that nobody believes in a session.
    static func hasBadSessionKey(_ head: RequestHead) -> Bool {
        guard !head.query.isEmpty, let key = parameter("session", head) else { return false }
        return !key.isValid
    }

    private static func parameter(_ name: FieldName, _ head: RequestHead) -> SessionKey? {
        guard !head.query.isEmpty, let value = (try? QueryReader.first(name, in: head.query)) ?? nil else { return nil }
        return value.isEmpty ? nil : SessionKey(value)
    }

    /// A connection with a key has come. Nothing is taken from anybody before it is known who its client is.
    mutating func keyBrought(_ key: SessionKey, _ id: ConnectionID, _ edge: borrowing Edge) {
        sessionKeys[id.slot] = KeyedSession(key: key)
        let place = keyPlace(id)
        if place.base != nil { node.parked.arrive(key, place) }
    }

    /// How the table of keys calls a connection of this shard.
    private func keyPlace(_ id: ConnectionID) -> ParkedSessions.Place {
        let polled = polledSessions[id.slot]
        return ParkedSessions.Place(
            shard: index, id: id, base: polled?.generation == id.generation ? polled?.base : nil)
    }

    /// The client may connect: it continues what is there under its key.
    mutating func claimSession(user: UserID?, expireAt: Int64, _ id: ConnectionID, _ edge: inout Edge) {
        guard let keyed = sessionKeys[id.slot] else {
            return perform(sessions[id].session.sessionClaimed(.unknown, context(edge)), of: id, &edge)
        }
        let claimant = ParkedSessions.Claimant(place: keyPlace(id), user: user, expireAt: expireAt)
        let claim: ClientSession.Claim
        switch node.parked.claim(keyed.key, claimant, now(edge)) {
        case .unknown: claim = .unknown
        case .refused(let error): claim = .refused(error)
        case .granted(let left, let ending):
            sessionKeys[id.slot]?.isClaimed = true
            if let ending { askToYield(ending, &edge) }
            claim = .granted(left)
        case .awaits(let older, let ending):
            // What the older one has is known once it has ended.
            sessionKeys[id.slot]?.isClaimed = true
            sessions[id].awaitsState = true
            if let ending { askToYield(ending, &edge) }
            return askToYield(older, &edge)
        }
        guard sessions.contains(id) else { return }
        goOn(claim, id, &edge)
    }

    /// The client is let in with what it has left, and is found by calls of the server API from here on.
    private mutating func goOn(_ claim: ClientSession.Claim, _ id: ConnectionID, _ edge: inout Edge) {
        if case .granted(let left) = claim {
            returning.insert(id)
            events[at: id.slot]?.opening?.continuesSession = left != nil
        }
        perform(sessions[id].session.sessionClaimed(claim, context(edge)), of: id, &edge)
    }

    private mutating func askToYield(_ older: ParkedSessions.Place, _ edge: inout Edge) {
        if older.shard == index {
            yieldSession(older.id, &edge)
        } else {
            node.post(.yieldSession(older.id), to: older.shard)
        }
    }

    /// A newer connection of the same client has come.
    mutating func yieldSession(_ id: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(id) else { return endPolledSession(id, &edge) }
        disconnect(id, .forceDisconnect, keepsState: true, &edge)
        // Nobody will come to fetch the last words of a polled session.
        endPolledSession(id, &edge)
    }

    /// The older connections have gone, and with them what this one waited for is there. Should it have gone as well, or a
    /// newer one have come, the table of keys knows: it has told the one that is next.
    mutating func sessionYielded(_ id: ConnectionID, _ key: SessionKey, _ edge: inout Edge) {
        let place = ParkedSessions.Place(shard: index, id: id)
        guard sessions.contains(id), sessions[id].awaitsState, let taken = node.parked.take(key, place) else { return }
        sessions[id].awaitsState = false
        goOn(.granted(taken.left), id, &edge)
        resumeQueue(id, &edge)
        updateTimer(id, &edge)
    }

    private mutating func tellYielded(_ newer: ParkedSessions.Place?, _ key: SessionKey, _ edge: inout Edge) {
        guard let newer else { return }
        if newer.shard == index {
            sessionYielded(newer.id, key, &edge)
        } else {
            node.post(.sessionYielded(newer.id, key: key), to: newer.shard)
        }
    }

    private func parkedUntilMs(_ edge: borrowing Edge) -> Int64 {
        edge.nowMs + Int64(node.settings.client.sessionTTL * 1_000)
    }

    /// A connection with a key has gone: what it was is kept, or handed to the newer one that waits for it.
    ///
    /// - Parameter left: nil: it leaves nothing.
    mutating func keyLeft(_ keyed: KeyedSession, _ id: ConnectionID, _ left: RestoredState?, _ edge: inout Edge) {
        guard keyed.isClaimed else { return }
        let (place, untilMs) = (keyPlace(id), parkedUntilMs(edge))
        let newer =
            place.base == nil
            ? node.parked.leave(keyed.key, place, left, nowMs: edge.nowMs, untilMs: untilMs)
            : node.parked.end(keyed.key, place, left, nowMs: edge.nowMs, untilMs: untilMs)
        tellYielded(newer, keyed.key, &edge)
    }

    /// The session's lifetime, and the table's knowledge of it, are one.
    mutating func noteLifetime(_ id: ConnectionID) {
        guard let keyed = sessionKeys[id.slot], keyed.isClaimed, !sessions[id].awaitsState else { return }
        let (user, expireAt) = (sessions[id].session.user, sessions[id].session.expireAt)
        guard keyed.user != user || keyed.expireAt != expireAt else { return }
        sessionKeys[id.slot]?.user = user
        sessionKeys[id.slot]?.expireAt = expireAt
        node.parked.note(keyed.key, keyPlace(id), user: user, expireAt: expireAt)
    }

    // MARK: Calls of the server API

    /// Clients that are on their way back: they have taken what they left, and are not answered yet. A call that means one
    /// of them ends it, and what it gives back is then changed like that of those who are away.
    mutating func sendBack(_ target: APITarget, _ reason: Disconnect, _ edge: inout Edge) {
        guard !returning.isEmpty else { return }
        for id in returning where sessions.contains(id) {
            guard target.client.isEmpty, target.user.isEmpty || sessions[id].session.user == target.user,
                target.session.isEmpty || sessionKeys[id.slot]?.key == target.session,
                target.channel.isEmpty || sessions[id].session.holds(target.channel), !target.isEmpty
            else { continue }
            disconnect(id, reason, &edge)
        }
    }

    /// What a session is, before its subscriptions are undone. Where something still waits to be sent, the client has not
    /// got all that was published to it: unless it says itself where it is, it must be told that something is missing.
    func stateLeft(by id: ConnectionID, because reason: Disconnect, _ edge: borrowing Edge) -> RestoredState? {
        var left = sessions[id].isRegistered ? stateNow(of: id, edge) : sessions[id].session.unusedState
        // Its client is to bring a new token: what the old one stood for is over, whatever it said about its end.
        if reason.code == Disconnect.expired.code { left?.expire(now(edge)) }
        return left
    }

    private func stateNow(of id: ConnectionID, _ edge: borrowing Edge) -> RestoredState {
        if let polled = polledSessions[id.slot], polled.generation == id.generation {
            return RestoredState(sessions[id].session) {
                polled.told[$0.channel] ?? StreamPosition(offset: 0, epoch: "_")
            }
        }
        let isBehind = edge.hasUnsentOutput(id)
        return RestoredState(sessions[id].session) { subscription in
            if isBehind || edge.isBehind(subscription.binding) { return StreamPosition(offset: 0, epoch: "_") }
            return channels.index(of: subscription.channel).flatMap { channels[$0].position }
        }
    }
}
