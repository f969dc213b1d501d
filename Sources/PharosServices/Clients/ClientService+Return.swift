import PharosDomain
import PharosEdge
import PharosProtocol

/// Clients that come back: what they were is kept under a key of their own choice.
extension ClientService {
    /// Notes that a connection with a key has come.
    ///
    /// No state is taken from any other connection before it is known which client this one has.
    mutating func keyBrought(_ key: SessionKey, _ id: ConnectionID, _ core: inout ShardCore) {
        sessionKeys[id.slot] = KeyedSession(key: key)
        let place = keyPlace(id, core)
        if place.base != nil { core.node.parked.arrive(key, place) }
    }

    /// How the table of keys calls a connection of this shard.
    private func keyPlace(_ id: ConnectionID, _ core: borrowing ShardCore) -> ParkedSessions.Place {
        let polled = core.polledSessions[id.slot]
        return ParkedSessions.Place(
            shard: core.index, id: id, base: polled?.generation == id.generation ? polled?.base : nil)
    }

    /// The client may connect: it continues what is there under its key.
    mutating func claimSession(
        user: UserID?, expireAt: Int64, _ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let keyed = sessionKeys[id.slot] else {
            return perform(core.sessions[id].session.sessionClaimed(.unknown, core.context(edge)), of: id, &core, &edge)
        }
        guard !asksOthers(keyed, user: user, expireAt: expireAt, id, &core, &edge) else { return }
        let claimant = ParkedSessions.Claimant(place: keyPlace(id, core), user: user, expireAt: expireAt)
        let claim: ClientSession.Claim
        switch core.node.parked.claim(keyed.key, claimant, core.now(edge)) {
        case .unknown: claim = .unknown
        case .refused(let error): claim = .refused(error)
        case .granted(let left, let ending):
            sessionKeys[id.slot]?.isClaimed = true
            if let ending { core.post(.yieldSession(ending.id), to: ending.shard) }
            claim = .granted(left)
        case .awaits(let older, let ending):
            // What the older one has is known once it has ended.
            sessionKeys[id.slot]?.isClaimed = true
            core.sessions[id].awaitsState = true
            if let ending { core.post(.yieldSession(ending.id), to: ending.shard) }
            return core.post(.yieldSession(older.id), to: older.shard)
        }
        guard core.sessions.contains(id) else { return }
        goOn(claim, id, &core, &edge)
    }

    /// Lets the client continue with the state that it left.
    ///
    /// From here on it is found by calls of the server API.
    private mutating func goOn(
        _ claim: ClientSession.Claim, _ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        if case .granted(let left) = claim {
            returning.insert(id)
            core.conversations[at: id.slot]?.continued(withState: left != nil)
        }
        perform(core.sessions[id].session.sessionClaimed(claim, core.context(edge)), of: id, &core, &edge)
    }

    /// A newer connection of the same client has come.
    mutating func yieldSession(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        if core.sessions.contains(id) { disconnect(id, .forceDisconnect, keepsState: true, &core, &edge) }
        // No poll will come to fetch the last messages of a polled session.
        core.post(.polledSessionEnded(id, dropsOutput: true), to: core.index)
    }

    /// Continues a connection that waited for the state of the older ones.
    ///
    /// The older connections have gone, and with them the state that this one waited for is there. This connection may
    /// have gone as well, or a newer one may have come: the table of keys has that on record, and has notified the next
    /// one.
    mutating func sessionYielded(_ id: ConnectionID, _ key: SessionKey, _ core: inout ShardCore, _ edge: inout Edge) {
        guard !surrenderYielded(id, key, &core, &edge) else { return }
        let place = ParkedSessions.Place(shard: core.index, id: id)
        guard core.sessions.contains(id), core.sessions[id].awaitsState, let taken = core.node.parked.take(key, place)
        else { return }
        core.sessions[id].awaitsState = false
        goOn(.granted(taken.left), id, &core, &edge)
        resumeQueue(id, &edge)
        updateTimer(id, &core, &edge)
    }

    private func parkedUntilMs(_ core: borrowing ShardCore, _ edge: borrowing Edge) -> Int64 {
        edge.nowMs + Int64(core.node.settings.client.sessionTTL * 1_000)
    }

    /// Handles that a connection with a key has gone.
    ///
    /// Its state is kept, or handed to the newer connection that waits for it.
    ///
    /// - Parameter left: the state that the connection leaves; nil: it leaves none.
    mutating func keyLeft(
        _ keyed: KeyedSession, _ id: ConnectionID, _ left: RestoredState?, _ core: inout ShardCore,
        _ edge: borrowing Edge
    ) {
        guard keyed.isClaimed else { return }
        let (place, untilMs) = (keyPlace(id, core), parkedUntilMs(core, edge))
        let newer =
            place.base == nil
            ? core.node.parked.leave(keyed.key, place, left, nowMs: edge.nowMs, untilMs: untilMs)
            : core.node.parked.end(keyed.key, place, left, nowMs: edge.nowMs, untilMs: untilMs)
        if let newer { core.post(.sessionYielded(newer.id, key: keyed.key), to: newer.shard) }
    }

    /// The session's lifetime, and the table's knowledge of it, are one.
    mutating func noteLifetime(_ id: ConnectionID, _ core: inout ShardCore) {
        guard let keyed = sessionKeys[id.slot], keyed.isClaimed, !core.sessions[id].awaitsState else { return }
        let (user, expireAt) = (core.sessions[id].session.user, core.sessions[id].session.expireAt)
        guard keyed.user != user || keyed.expireAt != expireAt else { return }
        sessionKeys[id.slot]?.user = user
        sessionKeys[id.slot]?.expireAt = expireAt
        core.node.parked.note(keyed.key, keyPlace(id, core), user: user, expireAt: expireAt)
    }

    // MARK: Calls of the server API

    /// Disconnects the clients a call selects that are about to get their state back.
    ///
    /// They have taken the state that they left, and their connect is not answered yet. A call that selects one of them
    /// ends its connection; the state that it gives back is then changed like the state of clients that are away.
    mutating func sendBack(_ target: APITarget, _ reason: Disconnect, _ core: inout ShardCore, _ edge: inout Edge) {
        guard !returning.isEmpty else { return }
        for id in returning where core.sessions.contains(id) {
            guard target.client.isEmpty, target.user.isEmpty || core.sessions[id].session.user == target.user,
                target.session.isEmpty || sessionKeys[id.slot]?.key == target.session,
                target.channel.isEmpty || core.sessions[id].session.holds(target.channel), !target.isEmpty
            else { continue }
            disconnect(id, reason, &core, &edge)
        }
    }

    /// The state of a session, before its subscriptions are undone.
    ///
    /// Where something still waits to be sent, the client has not received all that was published to it: unless the
    /// client itself names its position, it must be informed that something is missing.
    func stateLeft(by id: ConnectionID, because reason: Disconnect, _ core: borrowing ShardCore, _ edge: borrowing Edge)
        -> RestoredState?
    {
        var left = core.sessions[id].isRegistered ? stateNow(of: id, core, edge) : core.sessions[id].session.unusedState
        // Its client is to bring a new token: what the old one stood for is over, whatever it said about its end.
        if reason.code == Disconnect.expired.code { left?.expire(core.now(edge)) }
        return left
    }

    private func stateNow(of id: ConnectionID, _ core: borrowing ShardCore, _ edge: borrowing Edge) -> RestoredState {
        if let polled = core.polledSessions[id.slot], polled.generation == id.generation {
            return RestoredState(core.sessions[id].session) {
                polled.told[$0.channel] ?? StreamPosition(offset: 0, epoch: "_")
            }
        }
        let isBehind = edge.hasUnsentOutput(id)
        return RestoredState(core.sessions[id].session) { subscription in
            if isBehind || edge.isBehind(subscription.binding) { return StreamPosition(offset: 0, epoch: "_") }
            return core.channels.index(of: subscription.channel).flatMap { core.channels[$0].position }
        }
    }
}
